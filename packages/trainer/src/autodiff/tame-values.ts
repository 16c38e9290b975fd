import type { OnnxNode } from "@flotilla/runtime/ir";

/** Their slopes are finite: what is infinite behind them is infinite before them. */
const HANDING_ON: ReadonlySet<string> = new Set([
  "Add", "Sub", "Sum", "Mul", "Concat", "Split", "Slice", "Pad", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Expand", "Identity", "Cast", "Dropout", "BatchNormalization", "LayerNormalization",
  "MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum", "Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "Tanh", "Softplus", "Elu", "Gelu", "HardSwish", "HardSigmoid", "Softmax", "LogSoftmax",
]);
/** Their weights' gradients are spoilt by one infinite number, whatever is done before them. */
const MIXING: ReadonlySet<string> = new Set(["Conv", "ConvMaxPool", "ConvReluMaxPool", "ConvTranspose", "Gemm", "MatMul"]);

/**
 * Values whose gradient nothing makes infinite at single places, as a root at 0 does: there 0 · gradient is as good as putting 0 in its place, and quicker. Values that only the loss reads are among
 * them: its gradient is finite.
 */
export function tameValues(nodes: readonly OnnxNode[]): ReadonlySet<string> {
  const wild = new Set<string>();
  for (const node of nodes.toReversed()) {
    const isMixing = node.domain === "" && MIXING.has(node.opType);
    const handsOn = node.domain === "" && HANDING_ON.has(node.opType) && node.outputs.every((name) => !wild.has(name));
    if (!isMixing && !handsOn) for (const name of node.inputs) wild.add(name);
  }
  const all = nodes.flatMap(({ outputs }) => outputs);
  return new Set(all.filter((name) => !wild.has(name)));
}
