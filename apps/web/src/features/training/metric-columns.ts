import type { JobMetricPoint } from "@flotilla/fleet";

/** One metric of one run, by rising step. `atMs` is when the point was written, ms since 1970. */
export type MetricColumn = { readonly steps: readonly number[]; readonly values: readonly number[]; readonly atMs: readonly number[] };

/** All metrics of one run, by name. */
export type MetricColumns = ReadonlyMap<string, MetricColumn>;

export const noColumns: MetricColumns = new Map();

/** Adds points. One that is known already, or comes twice, counts once: a run that was taken up again reports the same steps with the same values. */
export function withPoints(known: MetricColumns, points: readonly JobMetricPoint[]): MetricColumns {
  if (points.length === 0) return known;
  const next = new Map(known);
  for (const [name, added] of Map.groupBy(points, (point) => point.name)) {
    const before = next.get(name);
    const last = before?.steps.at(-1) ?? Number.NEGATIVE_INFINITY;
    const sorted = added.toSorted((a, b) => a.step - b.step);
    const appends = (sorted[0]?.step ?? 0) > last;
    next.set(name, columnOf(appends || before === undefined ? sorted : merged(name, before, sorted), appends ? before : undefined));
  }
  return next;
}

function merged(name: string, before: MetricColumn, points: readonly JobMetricPoint[]): JobMetricPoint[] {
  const byStep = new Map<number, JobMetricPoint>();
  before.steps.forEach((step, place) => byStep.set(step, { name, step, value: before.values[place] ?? 0, at: new Date(before.atMs[place] ?? 0).toISOString() }));
  for (const point of points) byStep.set(point.step, point);
  return [...byStep.values()].toSorted((a, b) => a.step - b.step);
}

function columnOf(points: readonly JobMetricPoint[], before: MetricColumn | undefined): MetricColumn {
  const steps = [...(before?.steps ?? [])];
  const values = [...(before?.values ?? [])];
  const atMs = [...(before?.atMs ?? [])];
  for (const point of points) {
    if (point.step === steps.at(-1)) continue;
    steps.push(point.step);
    values.push(point.value);
    atMs.push(Date.parse(point.at));
  }
  return { steps, values, atMs };
}

/**
 * The step after which to ask for more. Metrics that are written once an epoch lag behind those of every few steps, so it is the
 * least of their ends; a metric of one point alone (a result at the end) says nothing about how far the run is.
 */
export function resumeAfter(known: MetricColumns): number {
  const ends = [...known.values()].filter(({ steps }) => steps.length > 1).map(({ steps }) => steps.at(-1) ?? 0);
  return ends.length === 0 ? 0 : Math.min(...ends);
}

/** What the horizontal axis counts. */
export type XAxis = "step" | "epoch" | "time";

/** Where each point of a metric lies: by step, by epoch (needs `stepsPerEpoch`), or by seconds since `startMs`. */
export function positions({ steps, atMs }: MetricColumn, axis: XAxis, run: { stepsPerEpoch: number | null; startMs: number }): readonly number[] {
  if (axis === "time") return atMs.map((at) => Math.max(0, (at - run.startMs) / 1000));
  if (axis === "epoch" && run.stepsPerEpoch !== null && run.stepsPerEpoch > 0) {
    const { stepsPerEpoch } = run;
    return steps.map((step) => step / stepsPerEpoch);
  }
  return steps;
}

/** Puts lines on one axis: all positions that any of them has, and for each line its value there or null. */
export function align(lines: readonly { xs: readonly number[]; values: readonly number[] }[]): { xs: number[]; columns: (number | null)[][] } {
  const xs = [...new Set(lines.flatMap((line) => line.xs))].toSorted((a, b) => a - b);
  const place = new Map(xs.map((x, index) => [x, index]));
  const columns = lines.map((line) => {
    const column = new Array<number | null>(xs.length).fill(null);
    line.xs.forEach((x, index) => {
      const at = place.get(x);
      if (at !== undefined) column[at] = line.values[index] ?? null;
    });
    return column;
  });
  return { xs, columns };
}

/** Weight of the past in a smoothed line: about the last ten points count. */
const PAST_WEIGHT = 0.9;

/** Exponential moving average without a bias to 0 at the beginning (Kingma & Ba 2015, section 3: divided by 1 − weightⁿ). */
export function smoothed(values: readonly number[]): number[] {
  let sum = 0;
  let weight = 1;
  return values.map((value) => {
    sum = PAST_WEIGHT * sum + (1 - PAST_WEIGHT) * value;
    weight *= PAST_WEIGHT;
    return sum / (1 - weight);
  });
}

/** About `count` of the values, evenly taken, first and last among them: for a line the size of a word. */
export function thinned(values: readonly number[], count: number): number[] {
  if (values.length <= count) return [...values];
  return Array.from({ length: count }, (_, place) => values[Math.round((place * (values.length - 1)) / (count - 1))] ?? 0);
}
