/** What the codes of one block of one column stand for: `(code − zero) · scale`. `inverse` is what weights are multiplied with, float32; 0 for a block of zeros. */
export type Grid = { readonly scale: number; readonly inverse: number; readonly zero: number };

export function gridOf(scale: number, zero: number): Grid {
  return { scale, inverse: scale === 0 ? 0 : Math.fround(1 / scale), zero };
}

export function codeOf(value: number, { inverse, zero }: Grid, bits: number): number {
  const code = roundAway(Math.fround(Math.fround(value * inverse) + zero));
  return Math.max(0, Math.min(2 ** bits - 1, code));
}

/** What rounding leaves of a weight. */
export function errorOf(value: number, grid: Grid, bits: number): number {
  return value - (codeOf(value, grid, bits) - grid.zero) * grid.scale;
}

/** Nearest integer, halves away from zero (C `roundf`), of a float32 number. */
export function roundAway(x: number): number {
  return x < 0 ? -Math.floor(0.5 - x) : Math.floor(x + 0.5);
}
