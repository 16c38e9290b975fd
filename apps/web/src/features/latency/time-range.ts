/** Ranges that move with the clock. */
export const relativeRanges = {
  "15m": { label: "15 min", ms: 15 * 60_000 },
  "1h": { label: "1 h", ms: 3_600_000 },
  "6h": { label: "6 h", ms: 6 * 3_600_000 },
  "24h": { label: "24 h", ms: 24 * 3_600_000 },
  "7d": { label: "7 d", ms: 7 * 24 * 3_600_000 },
} as const;
export type RelativeRange = keyof typeof relativeRanges;
export const relativeRangeKeys = Object.keys(relativeRanges) as RelativeRange[];

/** What the URL says: a moving range, or fixed ends (ms) when somebody zoomed or typed them. */
export type RangeState = { range: RelativeRange; from: number | null; to: number | null };

export type ResolvedRange = {
  fromMs: number; toMs: number;
  /** Moves with the clock. A zoomed range stands still until the person resumes. */
  live: boolean;
};

export function resolveRange(state: RangeState, now: number): ResolvedRange {
  if (state.from !== null && state.to !== null && state.to > state.from) return { fromMs: state.from, toMs: state.to, live: false };
  return { fromMs: now - relativeRanges[state.range].ms, toMs: now, live: true };
}

/** Steps that roll-ups can answer without splitting: minutes up to 48 h back, hours beyond. In seconds. */
const STEPS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 86_400];
const MAX_POINTS = 240;
const MINUTES_KEPT_MS = 48 * 3_600_000;

/** The finest step that keeps the chart at 240 points or fewer. */
export function stepFor(range: { fromMs: number; toMs: number }, now: number): number {
  const least = now - range.fromMs > MINUTES_KEPT_MS ? 3600 : 60;
  const span = (range.toMs - range.fromMs) / 1000;
  return STEPS.find((step) => step >= least && span / step <= MAX_POINTS) ?? 86_400;
}

/** A zoom of less than three steps of a minute shows nothing; it is widened around its middle. */
export function zoomed(range: { fromMs: number; toMs: number }): { fromMs: number; toMs: number } {
  const least = 3 * 60_000;
  const middle = (range.fromMs + range.toMs) / 2;
  const half = Math.max(least, range.toMs - range.fromMs) / 2;
  return { fromMs: Math.floor((middle - half) / 60_000) * 60_000, toMs: Math.ceil((middle + half) / 60_000) * 60_000 };
}

/** For the keys + − ← →: factor 0.5 or 2 around the middle, or a shift by a quarter; never into the future. */
export function stepped(range: { fromMs: number; toMs: number }, key: "in" | "out" | "earlier" | "later", now: number): { fromMs: number; toMs: number } {
  const span = range.toMs - range.fromMs;
  if (key === "in") return zoomed({ fromMs: range.fromMs + span / 4, toMs: range.toMs - span / 4 });
  const moved = key === "out"
    ? { fromMs: range.fromMs - span / 2, toMs: range.toMs + span / 2 }
    : { fromMs: range.fromMs + (key === "later" ? span / 4 : -span / 4), toMs: range.toMs + (key === "later" ? span / 4 : -span / 4) };
  const over = Math.max(0, moved.toMs - now);
  return zoomed({ fromMs: moved.fromMs - over, toMs: moved.toMs - over });
}
