import type { GraphIndex, OnnxNode, OnnxTensor, ValueType } from "@flotilla/runtime/ir";
import { tensorNumbers } from "@flotilla/runtime/ir";

/** Whether a Relu or Clip cuts at or beyond 0 on both sides, so that a quantiser of its output's range cuts alike. */
export function clipsAtZeroPoint(node: OnnxNode, index: GraphIndex): boolean {
  if (node.opType === "Relu") return true;
  const bound = (name: string | undefined, absent: number): number | null => {
    if (name === undefined || name === "") return absent;
    const constant = index.constantValue(name);
    return constant === null ? null : (tensorNumbers(constant)[0] ?? null);
  };
  const [low, high] = [bound(node.inputs[1], -Infinity), bound(node.inputs[2], Infinity)];
  return low !== null && high !== null && low <= 0 && high >= 0;
}

/** A bias as one number per output: [N], [1, …, N], or one number for all. Null when it has more than one row. */
export function rowVector(bias: OnnxTensor, outputs: number): Float64Array | null {
  const numbers = tensorNumbers(bias);
  if (numbers.length === 1) return new Float64Array(outputs).fill(numbers[0] ?? 0);
  return numbers.length === outputs && bias.dims.at(-1) === outputs ? numbers : null;
}

/** Operators behind which one value of a convolution is only one among many. */
const POOLING = new Set(["GlobalAveragePool", "AveragePool", "GlobalMaxPool", "ReduceMean", "ReduceSum", "ReduceMax", "Conv", "ConvTranspose", "Gemm", "MatMul", "InstanceNormalization"]);

/**
 * Whether a value of more than one place reaches an output of the model without being pooled or multiplied with weights on the way: a
 * detector's boxes, a segmentation's pixels. There each value matters by itself, and eight bits over a wide range are too coarse.
 */
export function isHead(name: string, index: GraphIndex, types: ReadonlyMap<string, ValueType>): boolean {
  const places = types.get(name)?.shape?.slice(2) ?? [];
  if (places.length > 0 && places.every((size) => size === 1)) return false;
  const seen = new Set<string>();
  const waiting = [name];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    if (index.isGraphOutput(value)) return true;
    for (const reader of index.consumers(value)) if (!POOLING.has(reader.opType)) waiting.push(...reader.outputs);
  }
  return false;
}
