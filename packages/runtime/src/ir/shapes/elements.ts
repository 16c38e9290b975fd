import type { Dim, Value } from "./value.ts";
import { broadcast, knownCount, NUMBERS_MAX } from "./value.ts";

// Elements of small tensors of any rank, row-major, followed through the operators that rearrange or combine them.

/** Row-major strides of a fully known shape. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = dims.map(() => 1);
  for (let axis = dims.length - 2; axis >= 0; axis -= 1) strides[axis] = (strides[axis + 1] ?? 1) * (dims[axis + 1] ?? 1);
  return strides;
}

/** Calls `take` with each index of a shape, in row-major order. The index is one array, reused. */
export function eachIndex(dims: readonly number[], take: (index: readonly number[]) => void): void {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const index = dims.map(() => 0);
  for (let done = 0; done < count; done += 1) {
    take(index);
    for (let axis = dims.length - 1; axis >= 0; axis -= 1) {
      index[axis] = (index[axis] ?? 0) + 1;
      if ((index[axis] ?? 0) < (dims[axis] ?? 0)) break;
      index[axis] = 0;
    }
  }
}

/** The dimensions as numbers when all are known and the tensor is small enough to follow. */
export function smallDims(shape: readonly Dim[] | null): readonly number[] | null {
  const count = knownCount(shape);
  return count !== null && count <= NUMBERS_MAX ? (shape as readonly number[]) : null;
}

/** New elements picked from old ones: `from` maps an index of the result to an index of the source. */
export function pick(source: Value, shape: readonly Dim[] | null, from: (index: readonly number[]) => readonly number[]): Dim[] | null {
  const { numbers } = source;
  const out = smallDims(shape);
  const dims = smallDims(source.shape);
  if (numbers === null || out === null || dims === null) return null;
  const strides = stridesOf(dims);
  const picked: Dim[] = [];
  eachIndex(out, (index) => {
    const position = from(index).reduce((sum, at, axis) => sum + at * (strides[axis] ?? 0), 0);
    picked.push(numbers[position] ?? null);
  });
  return picked;
}

/** Elements of a broadcast combination. */
export function combine(inputs: readonly Value[], operation: (elements: readonly Dim[]) => Dim): Dim[] | null {
  const out = smallDims(broadcast(inputs.map(({ shape }) => shape)));
  const sources = inputs.map(({ numbers, shape }) => ({ numbers, dims: smallDims(shape) }));
  if (out === null) return null;
  const readers: ((index: readonly number[]) => Dim)[] = [];
  for (const { numbers, dims } of sources) {
    if (numbers === null || dims === null) return null;
    const strides = stridesOf(dims);
    const skip = out.length - dims.length;
    readers.push((index) => {
      const position = dims.reduce((sum, dim, axis) => sum + (dim === 1 ? 0 : (index[axis + skip] ?? 0)) * (strides[axis] ?? 0), 0);
      return numbers[position] ?? null;
    });
  }
  const combined: Dim[] = [];
  eachIndex(out, (index) => combined.push(operation(readers.map((read) => read(index)))));
  return combined;
}
