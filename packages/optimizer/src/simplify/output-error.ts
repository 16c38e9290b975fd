import { float16ToNumber } from "@flotilla/runtime";
import type { Tensor, Tensors } from "@flotilla/runtime";

/**
 * Largest |a - b| / (1 + max|a|) over the tensors of all runs, `a` from `expected`. 0: all numbers equal (NaN equals NaN, -0 equals
 * 0). Infinity: another name, type or shape, NaN against a number, or different text.
 */
export function largestError(expected: readonly Tensors[], actual: readonly Tensors[]): number {
  let largest = 0;
  for (const [run, outputs] of expected.entries()) {
    for (const [name, tensor] of Object.entries(outputs)) {
      const other = actual[run]?.[name];
      largest = Math.max(largest, other === undefined ? Infinity : tensorError(tensor, other));
    }
  }
  return largest;
}

function tensorError(expected: Tensor, actual: Tensor): number {
  const isAlike =
    expected.elementType === actual.elementType &&
    expected.shape.length === actual.shape.length &&
    expected.shape.every((dim, axis) => dim === actual.shape[axis]);
  if (!isAlike) return Infinity;
  if (isText(expected.data) || isText(actual.data)) return String(expected.data) === String(actual.data) ? 0 : Infinity;
  const a = expected.data;
  const b = actual.data;
  const isHalf = expected.elementType === "float16";
  let difference = 0;
  let magnitude = 0;
  for (let index = 0; index < a.length; index += 1) {
    const x = number(a[index], isHalf);
    const y = number(b[index], isHalf);
    if (Number.isFinite(x)) magnitude = Math.max(magnitude, Math.abs(x));
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    const gap = Math.abs(x - y);
    difference = Math.max(difference, Number.isNaN(gap) ? Infinity : gap);
  }
  return difference / (1 + magnitude);
}

function isText(data: Tensor["data"]): data is readonly string[] {
  return Array.isArray(data);
}

function number(value: number | bigint | undefined, isHalf: boolean): number {
  return isHalf ? float16ToNumber(Number(value)) : Number(value);
}
