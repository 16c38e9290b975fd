import type { Grid } from "./block-grid.ts";
import { codeOf } from "./block-grid.ts";
import type { BlockFormat, BlockWeights } from "./block-quantisation.ts";
import { gridFor } from "./block-quantisation.ts";

/** Added to the diagonal, as a share of its mean: inputs that always go together make the moments singular. */
const DAMPING = 0.01;

/**
 * Blocks that keep what a product gives, where `quantiseBlocks` keeps its weights: row after row along the summed dimension is rounded, and
 * what that changes in the outputs is made up for in the rows that are not rounded yet (GPTQ: Frantar et al., 2022, arXiv 2210.17323,
 * section 3). `weights` is [depth, columns], row-major; `moments` Σ x·xᵀ of what the product reads, [depth, depth]. Null where the moments
 * are of no use, as they are when they are not finite.
 */
export function compensatedBlocks(weights: Float32Array, depth: number, columns: number, moments: Float64Array, format: BlockFormat): BlockWeights | null {
  const upper = inverseFactor(moments, depth);
  if (upper === null) return null;
  const blocks = Math.ceil(depth / format.blockSize);
  const result: BlockWeights = { codes: new Uint8Array(depth * columns), scales: new Float32Array(blocks * columns), zeroPoints: new Uint8Array(blocks * columns), blocks };
  const left = Float64Array.from(weights);
  const errors = new Float64Array(columns);
  let grids: Grid[] = [];
  for (let k = 0; k < depth; k += 1) {
    if (k % format.blockSize === 0) grids = gridsOf(left, k, depth, columns, format, result);
    const pivot = upper[k * depth + k] ?? 1;
    for (let column = 0; column < columns; column += 1) {
      const [grid, weight] = [grids[column] ?? NO_GRID, left[k * columns + column] ?? 0];
      const code = codeOf(Math.fround(weight), grid, format.bits);
      result.codes[k * columns + column] = code;
      errors[column] = (weight - (code - grid.zero) * grid.scale) / pivot;
    }
    for (let j = k + 1; j < depth; j += 1) {
      const factor = upper[k * depth + j] ?? 0;
      if (factor === 0) continue;
      for (let column = 0; column < columns; column += 1) left[j * columns + column] = (left[j * columns + column] ?? 0) - (errors[column] ?? 0) * factor;
    }
  }
  return result;
}

const NO_GRID: Grid = { scale: 0, inverse: 0, zero: 0 };

/** The grids of the block that begins with row `first`, of its weights as they are by then. */
function gridsOf(left: Float64Array, first: number, depth: number, columns: number, format: BlockFormat, { scales, zeroPoints }: BlockWeights): Grid[] {
  const block = first / format.blockSize;
  return Array.from({ length: columns }, (_, column) => {
    const length = Math.min(format.blockSize, depth - first);
    const grid = gridFor(Float32Array.from({ length }, (__, k) => left[(first + k) * columns + column] ?? 0), format);
    scales[block * columns + column] = grid.scale;
    zeroPoints[block * columns + column] = grid.zero;
    return grid;
  });
}

/**
 * The upper triangular U with Uᵀ·U = H⁻¹, H being the damped moments: its row k says how a change of weight k is made up for by those
 * behind it. H = R·Rᵀ with R upper triangular (Cholesky from the last row up), so U = R⁻¹.
 */
function inverseFactor(moments: Float64Array, depth: number): Float64Array | null {
  let trace = 0;
  for (let k = 0; k < depth; k += 1) trace += moments[k * depth + k] ?? 0;
  if (!Number.isFinite(trace) || trace <= 0) return null;
  const root = upperRoot(moments, depth, (DAMPING * trace) / depth);
  return root === null ? null : upperInverse(root, depth);
}

function upperRoot(moments: Float64Array, depth: number, damping: number): Float64Array | null {
  const root = new Float64Array(depth * depth);
  for (let j = depth - 1; j >= 0; j -= 1) {
    let square = (moments[j * depth + j] ?? 0) + damping;
    for (let k = j + 1; k < depth; k += 1) square -= (root[j * depth + k] ?? 0) ** 2;
    if (!(square > 0)) return null;
    const pivot = Math.sqrt(square);
    root[j * depth + j] = pivot;
    for (let i = 0; i < j; i += 1) {
      let sum = moments[i * depth + j] ?? 0;
      for (let k = j + 1; k < depth; k += 1) sum -= (root[i * depth + k] ?? 0) * (root[j * depth + k] ?? 0);
      root[i * depth + j] = sum / pivot;
    }
  }
  return root;
}

function upperInverse(root: Float64Array, depth: number): Float64Array {
  const inverse = new Float64Array(depth * depth);
  for (let i = depth - 1; i >= 0; i -= 1) {
    const pivot = root[i * depth + i] ?? 1;
    for (let k = i + 1; k < depth; k += 1) {
      const factor = (root[i * depth + k] ?? 0) / pivot;
      if (factor !== 0) for (let j = k; j < depth; j += 1) inverse[i * depth + j] = (inverse[i * depth + j] ?? 0) - factor * (inverse[k * depth + j] ?? 0);
    }
    inverse[i * depth + i] = 1 / pivot;
  }
  return inverse;
}

/** Σ ‖x·(W − Ŵ)‖² over the inputs that `moments` are of. */
export function outputError(weights: Float32Array, blocks: BlockWeights, depth: number, columns: number, moments: Float64Array, blockSize: number): number {
  let error = 0;
  const difference = new Float64Array(depth);
  for (let column = 0; column < columns; column += 1) {
    for (let k = 0; k < depth; k += 1) {
      const at = Math.floor(k / blockSize) * columns + column;
      difference[k] = (weights[k * columns + column] ?? 0) - ((blocks.codes[k * columns + column] ?? 0) - (blocks.zeroPoints[at] ?? 0)) * (blocks.scales[at] ?? 0);
    }
    for (let i = 0; i < depth; i += 1) {
      let sum = 0;
      for (let j = 0; j < depth; j += 1) sum += (moments[i * depth + j] ?? 0) * (difference[j] ?? 0);
      error += sum * (difference[i] ?? 0);
    }
  }
  return error;
}
