import type { Grid } from "./block-grid.ts";
import { codeOf, errorOf, gridOf, roundAway } from "./block-grid.ts";
import { halfQuadraticGrid } from "./half-quadratic-grid.ts";

/**
 * Weights in blocks along the summed dimension, one scale (and zero point) for each block of each column: the layout of ONNX
 * DequantizeLinear with `axis` 0 and `block_size` (opset 21), which ONNX Runtime fuses into MatMulNBits.
 */
export type BlockFormat = {
  readonly bits: 4 | 8;
  /** A power of two, 16 or more: what MatMulNBits takes. */
  readonly blockSize: number;
  readonly symmetric: boolean;
  /**
   * "nearest" rounds to the grid that just holds the block; "least-squares" also tries narrower and wider grids; "half-quadratic" fits one
   * that is near most weights, at the price of a few. Default "nearest".
   */
  readonly scales?: "nearest" | "least-squares" | "half-quadratic";
};

export type BlockWeights = {
  /** Codes from 0 to 2^bits − 1, [depth][columns]; symmetric ones stand for `code − 2^(bits−1)`. */
  readonly codes: Uint8Array;
  /** [blocks][columns]. Symmetric scales may be negative: the largest weight of a block always gets the outermost code. */
  readonly scales: Float32Array;
  /** [blocks][columns]; 2^(bits−1) throughout when symmetric. */
  readonly zeroPoints: Uint8Array;
  readonly blocks: number;
};

/** Quantises a float32 matrix [depth, columns], row-major. Throws `RangeError` for weights that are not finite and odd block sizes. */
export function quantiseBlocks(weights: Float32Array, depth: number, columns: number, format: BlockFormat): BlockWeights {
  const { blockSize } = format;
  if (blockSize < 16 || (blockSize & (blockSize - 1)) !== 0) throw new RangeError(`a block size is a power of two from 16 on, not ${blockSize}`);
  if (!weights.every(Number.isFinite)) throw new RangeError("a weight is not finite");
  const blocks = Math.ceil(depth / blockSize);
  const scales = new Float32Array(blocks * columns);
  const zeroPoints = new Uint8Array(blocks * columns);
  const codes = new Uint8Array(depth * columns);
  const values = new Float32Array(blockSize);
  for (let block = 0; block < blocks; block += 1) {
    const first = block * blockSize;
    const length = Math.min(blockSize, depth - first);
    for (let column = 0; column < columns; column += 1) {
      for (let k = 0; k < length; k += 1) values[k] = weights[(first + k) * columns + column] ?? 0;
      const grid = gridFor(values.subarray(0, length), format);
      scales[block * columns + column] = grid.scale;
      zeroPoints[block * columns + column] = grid.zero;
      for (let k = 0; k < length; k += 1) codes[(first + k) * columns + column] = codeOf(values[k] ?? 0, grid, format.bits);
    }
  }
  return { codes, scales, zeroPoints, blocks };
}

/** The grid of one block of one column. */
export function gridFor(values: Float32Array, format: BlockFormat): Grid {
  const nearest = format.symmetric ? symmetricGrid(values, format.bits) : asymmetricGrid(values, format.bits);
  if (nearest.scale === 0) return nearest;
  switch (format.scales ?? "nearest") {
    case "nearest": return nearest;
    case "least-squares": return bestGrid(values, nearest, format);
    case "half-quadratic": return halfQuadraticGrid(values, nearest, format.bits, format.symmetric);
  }
}

/** The weight of the largest magnitude gets code 0, so the scale has the opposite sign of it. */
function symmetricGrid(values: Float32Array, bits: number): Grid {
  let [low, high] = [0, 0];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const outermost = high > -low ? high : low;
  const half = 2 ** (bits - 1);
  return gridOf(Math.fround(outermost / -half), half);
}

function asymmetricGrid(values: Float32Array, bits: number): Grid {
  let [low, high] = [0, 0];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const highest = 2 ** bits - 1;
  // As the packer computes it, but for blocks that are wider than float32 goes.
  const width = Math.fround(high - low);
  const scale = Math.fround((Number.isFinite(width) ? width : high - low) / highest);
  const zero = scale === 0 ? 0 : Math.max(0, Math.min(highest, roundAway(Math.fround((0 - low) / scale))));
  return gridOf(scale, zero);
}

/** Widths tried, as shares of the one that just holds the block. */
const SHARES = Array.from({ length: 33 }, (_, step) => 0.6 + step * 0.0175);

/** The tried grid with the least sum of squared errors; the nearest one when none is better. */
function bestGrid(values: Float32Array, nearest: Grid, format: BlockFormat): Grid {
  let best = nearest;
  let least = squaredError(values, nearest, format.bits);
  for (const share of SHARES) {
    const scale = Math.fround(nearest.scale * share);
    const zeros = format.symmetric ? [nearest.zero] : [nearest.zero - 1, nearest.zero, nearest.zero + 1];
    for (const zero of zeros) {
      if (zero < 0 || zero > 2 ** format.bits - 1 || scale === 0) continue;
      const grid = gridOf(scale, zero);
      const error = squaredError(values, grid, format.bits);
      if (error < least) [best, least] = [grid, error];
    }
  }
  return best;
}

function squaredError(values: Float32Array, grid: Grid, bits: number): number {
  let sum = 0;
  for (const value of values) sum += errorOf(value, grid, bits) ** 2;
  return sum;
}
