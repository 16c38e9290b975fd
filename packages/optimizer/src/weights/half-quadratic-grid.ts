import type { Grid } from "./block-grid.ts";
import { codeOf, errorOf, gridOf } from "./block-grid.ts";

/** Errors count by this power: large ones of few weights less than in a sum of squares. */
const POWER = 0.7;
const STEPS_MAX = 20;
/** How hard weights are held to the grid, in steps of it, at the beginning; and what that is multiplied with in each step. */
const [HOLD, HOLD_GROWTH] = [10, 1.01];

/** Σ |error|^0.7 of a block: what half-quadratic grids make small. */
export function powerError(values: Float32Array, grid: Grid, bits: number): number {
  let sum = 0;
  for (const value of values) sum += Math.abs(errorOf(value, grid, bits)) ** POWER;
  return sum;
}

/**
 * A grid for a block by half-quadratic splitting (H. Badri, A. Shaji, "Half-Quadratic Quantization of Large Machine Learning Models",
 * 2023): the errors that the norm would keep are set apart by its proximal operator, then the grid is fitted to what is left, by turns,
 * until the norm rises. `powerError` is never above that of `start`. Two things differ from the paper. Zero points are integers, as
 * DequantizeLinear has them, and on those the paper's step never leaves round-to-nearest; so the scale is fitted with the zero point, by
 * least squares. And errors are counted in steps of the grid: weights in other units get the same codes.
 */
export function halfQuadraticGrid(values: Float32Array, start: Grid, bits: number, symmetric: boolean): Grid {
  let [best, least] = [start, powerError(values, start, bits)];
  let grid = start;
  let hold = HOLD;
  for (let step = 0; step < STEPS_MAX && grid.scale !== 0; step += 1) {
    grid = fitted(values, grid, hold, bits, symmetric);
    const error = powerError(values, grid, bits);
    if (!(error < least)) return best;
    [best, least] = [grid, error];
    hold *= HOLD_GROWTH;
  }
  return best;
}

/** The grid on which the codes of `grid` stand nearest, in squares, to the weights less the errors that are set apart. */
function fitted(values: Float32Array, grid: Grid, hold: number, bits: number, symmetric: boolean): Grid {
  const codes = Float64Array.from(values, (value) => codeOf(value, grid, bits));
  const targets = Float64Array.from(values, (value) => value - grid.scale * shrunk(errorOf(value, grid, bits) / grid.scale, hold));
  const zero = symmetric ? grid.zero : zeroFor(codes, targets, grid, bits);
  let [product, square] = [0, 0];
  for (const [at, code] of codes.entries()) {
    product += (code - zero) * (targets[at] ?? 0);
    square += (code - zero) ** 2;
  }
  const scale = Math.fround(product / square);
  return square === 0 || !Number.isFinite(scale) ? grid : gridOf(scale, zero);
}

/** Where the line through codes and targets crosses 0, as a code. */
function zeroFor(codes: Float64Array, targets: Float64Array, grid: Grid, bits: number): number {
  const [code, target] = [mean(codes), mean(targets)];
  let [product, square] = [0, 0];
  for (const [at, each] of codes.entries()) {
    product += (each - code) * ((targets[at] ?? 0) - target);
    square += (each - code) ** 2;
  }
  if (!(square > 0) || product === 0) return grid.zero;
  return Math.max(0, Math.min(2 ** bits - 1, Math.round(code - (target * square) / product)));
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The proximal operator of |x|^p as the paper has it: x drawn towards 0 by |x|^(p−1) / hold. */
function shrunk(x: number, hold: number): number {
  return x === 0 ? 0 : Math.sign(x) * Math.max(0, Math.abs(x) - Math.abs(x) ** (POWER - 1) / hold);
}
