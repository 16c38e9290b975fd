import type { Tensor, Tensors } from "@flotilla/runtime";
import { float16ToNumber } from "@flotilla/runtime";

/** The numbers of a tensor as the arithmetic takes them; null for strings and 4-bit types. */
export function numbersOf(tensor: Tensor): ArrayLike<number> | null {
  const { data, elementType } = tensor;
  if (elementType === "float16") return Float32Array.from(data as Uint16Array, float16ToNumber);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  if (Array.isArray(data) || elementType === "int4" || elementType === "uint4" || elementType === "string") return null;
  return data as Float32Array;
}

/**
 * Scores of the classes, when an output is a list of them for one example: [C], [1, C] or [1, C, 1, 1] with at least two classes.
 * Positions, maps and sequences give null.
 */
export function classScores(tensor: Tensor): ArrayLike<number> | null {
  const wide = tensor.shape.filter((dim) => dim !== 1);
  if (wide.length !== 1 || (wide[0] ?? 0) < 2) return null;
  if (tensor.shape.length > 1 && tensor.shape[0] !== 1) return null;
  return numbersOf(tensor);
}

/** The first output that holds class scores, or null; `prefer` names one to look at first. */
export function classOutput(outputs: Tensors, prefer?: string): string | null {
  const names = prefer === undefined ? Object.keys(outputs) : [prefer, ...Object.keys(outputs)];
  for (const name of names) {
    const tensor = outputs[name];
    if (tensor !== undefined && classScores(tensor) !== null) return name;
  }
  return null;
}

/** Index of the highest score, the first of equals; -1 when no score is a number. */
export function topClass(scores: ArrayLike<number>): number {
  let best = -1;
  let highest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < scores.length; index += 1) {
    const score = scores[index] ?? Number.NaN;
    if (score > highest || (best === -1 && score === highest)) {
      best = index;
      highest = score;
    }
  }
  return best;
}
