/** A line of a chart on the chart's common time axis; null where there was no sample (a gap, not 0). */
export type GridLine = { key: string; values: (number | null)[] };

/**
 * Puts points of several series on one regular grid [fromMs, toMs) of `stepMs`, aligned to multiples of the step as the server
 * aligns them. Steps that a series does not have become null, so that a line breaks instead of bridging a silence.
 */
export function onGrid<P extends { t: string }>(
  series: readonly { key: string; points: readonly P[] }[],
  range: { fromMs: number; toMs: number; stepMs: number },
  valueOf: (point: P) => number | null,
): { xs: number[]; lines: GridLine[] } {
  const start = Math.floor(range.fromMs / range.stepMs) * range.stepMs;
  const length = Math.max(0, Math.ceil((range.toMs - start) / range.stepMs));
  const xs = Array.from({ length }, (_, i) => (start + i * range.stepMs) / 1000);
  const lines = series.map(({ key, points }) => {
    const values = new Array<number | null>(length).fill(null);
    for (const point of points) {
      const at = Math.round((Date.parse(point.t) - start) / range.stepMs);
      if (at >= 0 && at < length) values[at] = valueOf(point);
    }
    return { key, values };
  });
  return { xs, lines };
}

/** Index of the last value that exists; −1 when none does. */
export function lastIndex(values: readonly (number | null)[]): number {
  return values.findLastIndex((value) => value !== null);
}

/** True for a value with gaps on both sides: a line cannot show it, a dot must. */
export function isLonely(values: readonly (number | null)[], index: number): boolean {
  return values[index] != null && values[index - 1] == null && values[index + 1] == null;
}
