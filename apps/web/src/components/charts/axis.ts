/** Where axes get their steps: linear, logarithmic and time. Pure; units are the caller's. */

/** About `count` round values that cover [min, max]; empty for an empty or inverted range. */
export function linearTicks(min: number, max: number, count: number): number[] {
  if (!(max > min) || count < 1) return [];
  const step = roundStep((max - min) / count);
  const ticks: number[] = [];
  for (let i = Math.ceil(min / step); i * step <= max + step * 1e-9; i += 1) ticks.push(clean(i * step));
  return ticks;
}

function roundStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  const lead = raw / power;
  const round = lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10;
  return round * power;
}

/** Removes the dust of binary fractions: 0.30000000000000004 → 0.3. */
function clean(value: number): number {
  return Number(value.toPrecision(12));
}

/** 1, 2 and 5 of each decade inside [min, max]; only powers of ten when that gives more than `limit`. */
export function logTicks(min: number, max: number, limit = 12): number[] {
  if (!(min > 0) || !(max > min)) return [];
  const all: number[] = [];
  for (let exponent = Math.floor(Math.log10(min)); exponent <= Math.ceil(Math.log10(max)); exponent += 1) {
    for (const lead of [1, 2, 5]) {
      const value = clean(lead * 10 ** exponent);
      if (value >= min && value <= max) all.push(value);
    }
  }
  if (all.length <= limit) return all;
  const decades = all.filter((value) => Number.isInteger(clean(Math.log10(value))));
  return decades.length > 0 ? decades : all;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TIME_STEPS = [
  SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY,
];

/**
 * At most `count` moments (ms since 1970) inside [fromMs, toMs] on round local times.
 * `offsetMs` is the zone's distance from UTC (local = UTC + offset), so that days begin at local midnight.
 */
export function timeTicks(fromMs: number, toMs: number, count: number, offsetMs = 0): { ticks: number[]; stepMs: number } {
  const step = TIME_STEPS.find((candidate) => (toMs - fromMs) / candidate <= count) ?? TIME_STEPS.at(-1) ?? DAY;
  const ticks: number[] = [];
  if (toMs > fromMs) {
    for (let t = Math.ceil((fromMs + offsetMs) / step) * step - offsetMs; t <= toMs; t += step) ticks.push(t);
  }
  return { ticks, stepMs: step };
}

/** Smallest and largest of the values that exist; null when none does. */
export function extent(values: Iterable<number | null | undefined>): { min: number; max: number } | null {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? { min, max } : null;
}
