import type { Share } from "./types.ts";

/** Quantile of the normal distribution for 95 %, two-sided. */
const Z = 1.959963984540054;

/** A share with its Wilson score interval (Wilson 1927). Null of nothing. */
export function shareOf(hits: number, n: number): Share | null {
  if (n === 0) return null;
  const value = hits / n;
  const centre = value + (Z * Z) / (2 * n);
  const half = Z * Math.sqrt((value * (1 - value)) / n + (Z * Z) / (4 * n * n));
  const scale = 1 + (Z * Z) / n;
  return { value, n, ci95: [Math.max(0, (centre - half) / scale), Math.min(1, (centre + half) / scale)], method: "Wilson score interval, 95 %" };
}
