import { floats, intAttribute, setAttribute, tensorNumbers, type OnnxGraph, type OnnxTensor, type OnnxType } from "@flotilla/runtime/ir";

/** `TensorProto.DataType`. */
const [FLOAT, FLOAT16] = [1, 10];

/** Makes single precision of all that is stored and computed in half precision: gradients of half the digits would be lost. */
export function widenHalf(graph: OnnxGraph): void {
  graph.initializers = graph.initializers.map(widened);
  for (const { type } of [...graph.inputs, ...graph.outputs]) widenType(type);
  graph.valueInfos = [];
  for (const node of graph.nodes) {
    for (const name of ["to", "dtype"]) if (intAttribute(node, name, 0) === FLOAT16) setAttribute(node, name, { int: FLOAT });
    for (const attribute of node.attributes) {
      if (attribute.type === "tensor") attribute.value = widened(attribute.value);
      if (attribute.type === "graph") widenHalf(attribute.value);
    }
  }
}

function widened(tensor: OnnxTensor): OnnxTensor {
  return tensor.elementType === "float16" ? floats(tensor.name, tensor.dims, [...tensorNumbers(tensor)]) : tensor;
}

function widenType(type: OnnxType | null): void {
  if (type?.kind === "tensor" && type.elementType === "float16") type.elementType = "float32";
}
