/** Element `index` of weight number `weight` of a model. */
function weightValue(weight: number, index: number): number {
  return 0.5 * Math.sin(0.37 * (index + 1) + weight);
}

/** Weights between −0.5 and 0.5, or between 0.5 and 1 where they must be above 0. */
export function formulaWeight(weight: number, dims: readonly number[], isPositive = false): { dims: readonly number[]; values: Float32Array } {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return { dims, values: Float32Array.from({ length: count }, (_, index) => (isPositive ? 0.5 + Math.abs(weightValue(weight, index)) : weightValue(weight, index))) };
}

export function formulaInput(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => 1.5 * Math.cos(0.21 * index));
}

/** Two sums over all elements, each element weighed by its place, and the sum of their sizes, which says how exact those can be. */
export function placeSums(values: Float32Array): { readonly sums: readonly [number, number]; readonly size: number } {
  let [one, other, size] = [0, 0, 0];
  for (const [index, value] of values.entries()) {
    one += value * Math.sin(0.5 * index + 1);
    other += value * Math.cos(0.3 * index);
    size += Math.abs(value);
  }
  return { sums: [one, other], size };
}
