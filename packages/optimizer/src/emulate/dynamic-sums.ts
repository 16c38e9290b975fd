import type { OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { GraphIndex, tensorNumbers } from "@flotilla/runtime/ir";
import { canSaturate } from "./saturation-bound.ts";

/** What the weights of operators that quantise their activations at run time allow on x86 CPUs without VNNI. */
export type DynamicSums = {
  /** MatMulInteger and DynamicQuantizeLSTM with constant int8 weights. */
  readonly operators: number;
  /** How many of them some input could make add two products past 16 bits. */
  readonly canSaturate: number;
  /** Whether `predictSaturation` follows them all: it does not look into an LSTM. */
  readonly isEmulated: boolean;
};

/** Reads it from the weights alone, without running anything: when it says none, no input can. */
export function dynamicSums(model: OnnxModel): DynamicSums {
  const index = new GraphIndex(model.graph);
  const found = model.graph.nodes.flatMap((node) => {
    const matrices = matricesOf(node, index);
    return matrices.length === 0 ? [] : [{ isLstm: node.opType === "DynamicQuantizeLSTM", saturates: matrices.some((matrix) => columnsSaturate(matrix)) }];
  });
  return { operators: found.length, canSaturate: found.filter(({ saturates }) => saturates).length, isEmulated: found.every(({ isLstm }) => !isLstm) };
}

/** Constant int8 weights, each [… , depth, columns]. */
function matricesOf(node: OnnxNode, index: GraphIndex): OnnxTensor[] {
  const places = node.opType === "MatMulInteger" ? [1] : node.opType === "DynamicQuantizeLSTM" ? [1, 2] : [];
  return places.flatMap((place) => {
    const tensor = index.constantValue(node.inputs[place] ?? "");
    return tensor?.elementType === "int8" && tensor.dims.length >= 2 ? [tensor] : [];
  });
}

function columnsSaturate(tensor: OnnxTensor): boolean {
  const [depth = 0, columns = 0] = tensor.dims.slice(-2);
  const weights = tensorNumbers(tensor);
  // Kernels pair neighbours along the depth and fill an odd one up with 0.
  const values = new Int16Array(depth + (depth % 2));
  for (let matrix = 0; matrix < weights.length; matrix += depth * columns) {
    for (let column = 0; column < columns; column += 1) {
      for (let k = 0; k < depth; k += 1) values[k] = weights[matrix + k * columns + column] ?? 0;
      if (canSaturate({ values })) return true;
    }
  }
  return false;
}
