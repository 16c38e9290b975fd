/** What is drawn of one version: a point by time and accuracy, its area by size. */
export type Dot = { id: string; label: string; latencyMs: number; accuracy: number; ci95: readonly [number, number]; sizeBytes: number; isOnFront: boolean; isBaseline: boolean; isOffered: boolean; /** Breaks a limit somebody drew. */ isOutside: boolean };

type Scale = { at: (value: number) => number; ticks: number[] };

/** A linear scale from data to pixels with round ticks between `least` and `most`, with a margin around the values so that no bubble is cut. `span` is the least difference worth an axis. */
export function scaleOf(values: readonly number[], from: number, to: number, limits: { least?: number; most?: number; span?: number } = {}): Scale {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const span = Math.max(high - low, limits.span ?? Math.abs(high) * 0.1, 1e-9);
  const room = (span - (high - low)) / 2 + span * 0.2;
  const least = low - room;
  const most = high + room;
  const step = roundStep((most - least) / 5);
  const first = Math.ceil(least / step);
  const ticks = Array.from({ length: Math.max(0, Math.floor(most / step) - first + 1) }, (_, index) => Number(((first + index) * step).toPrecision(12)))
    .filter((tick) => tick >= (limits.least ?? -Infinity) && tick <= (limits.most ?? Infinity));
  return { at: (value) => from + ((value - least) / (most - least)) * (to - from), ticks };
}

/** 1, 2 or 5 times a power of ten, not below `wanted`. */
function roundStep(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted));
  return ([1, 2, 5, 10].find((factor) => factor * power >= wanted * 0.999) ?? 10) * power;
}

/** Radius in pixels: the area follows the bytes. */
export function radiusOf(sizeBytes: number, mostBytes: number): number {
  return 5 + 17 * Math.sqrt(sizeBytes / mostBytes);
}

/** The best of time and accuracy, quickest first: each next one is slower and more accurate. A line through it bounds what was reached. */
export function frontLine(dots: readonly Dot[]): Dot[] {
  const byTime = dots.toSorted((a, b) => a.latencyMs - b.latencyMs || b.accuracy - a.accuracy);
  let best = -Infinity;
  return byTime.filter(({ accuracy }) => {
    if (accuracy <= best) return false;
    best = accuracy;
    return true;
  });
}
