import { elementCount, type OnnxGraph } from "@flotilla/runtime/ir";

/** Which inputs of an operator are weights. */
const WEIGHT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2], ConvTranspose: [1, 2], Gemm: [0, 1, 2], MatMul: [0, 1], BatchNormalization: [1, 2], LayerNormalization: [1, 2], InstanceNormalization: [1, 2], PRelu: [1], LSTM: [1, 2, 3], GRU: [1, 2, 3], Gather: [0],
};
/** Exporters write biases and scales as these; one number alone is part of a formula. */
const ELEMENTWISE: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div"]);
/** Hand a weight on as it is. */
const PASSING: ReadonlySet<string> = new Set(["Transpose", "Reshape", "Unsqueeze", "Squeeze", "Identity", "QuantizeLinear", "DequantizeLinear"]);

/** Initializers that stand where an operator has its weights, also behind operators that only rearrange them. */
export function weightsIn(graph: OnnxGraph): ReadonlySet<string> {
  const sizes = new Map(graph.initializers.map(({ name, dims }) => [name, elementCount(dims)]));
  const weights = new Set<string>();
  for (const node of graph.nodes.toReversed()) {
    const positions = WEIGHT_INPUTS[node.opType] ?? (PASSING.has(node.opType) && node.outputs.some((name) => weights.has(name)) ? [0] : []);
    for (const position of positions) weights.add(node.inputs[position] ?? "");
    if (ELEMENTWISE.has(node.opType)) for (const name of node.inputs) if ((sizes.get(name) ?? 0) > 1) weights.add(name);
  }
  return weights;
}
