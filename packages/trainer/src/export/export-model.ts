import { numberToFloat16 } from "@flotilla/runtime";
import { cloneModel, floats, rawTensor, type OnnxModel, type OnnxTensor } from "@flotilla/runtime/ir";

/** The model with other weights under the same names: graph, inputs, outputs and every tensor that is not named stay byte for byte as they are. */
export function withWeights(model: OnnxModel, weights: ReadonlyMap<string, Float32Array>): OnnxModel {
  const copy = cloneModel(model);
  copy.graph.initializers = copy.graph.initializers.map((tensor) => {
    const values = weights.get(tensor.name);
    return values === undefined ? tensor : { ...asStored(tensor, values), docString: tensor.docString, metadata: tensor.metadata };
  });
  for (const node of copy.graph.nodes) {
    const [output = ""] = node.outputs;
    const values = weights.get(output);
    if (node.opType !== "Constant" || values === undefined) continue;
    for (const attribute of node.attributes) if (attribute.type === "tensor") attribute.value = asStored(attribute.value, values);
  }
  return copy;
}

/** In the precision that the file has the tensor in. */
function asStored({ name, dims, elementType }: OnnxTensor, values: Float32Array): OnnxTensor {
  if (elementType !== "float16") return floats(name, dims, values);
  const bits = Uint16Array.from(values, numberToFloat16);
  return rawTensor(name, elementType, dims, new Uint8Array(bits.buffer));
}
