import type { Dataset, Split } from "../types.ts";

/** Numbers of one feature, or of everything in a tensor, sound or image, over the examples that were looked at. */
export type ValueSummary = {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  /** Counts of equally wide bins from min to max. */
  readonly histogram: readonly number[];
};

export type DatasetSummary = {
  readonly split: Split;
  readonly examples: number;
  /** Features of a table beyond the first 200 are left out; all other kinds give one entry. */
  readonly values: readonly ValueSummary[];
};

const MOST_EXAMPLES = 2_000;
const MOST_FEATURES = 200;
const MOST_VALUES_PER_EXAMPLE = 1_024;
const BINS = 24;

/** What the numbers of a split are like, over at most 2,000 examples spread evenly. */
export async function summarizeDataset(dataset: Dataset, split: Split = "train"): Promise<DatasetSummary> {
  const { kind, features } = dataset.header;
  const count = dataset.count(split);
  const step = Math.max(1, count / MOST_EXAMPLES);
  const names = kind === "table" && features !== null ? features.slice(0, MOST_FEATURES) : [kind === "audio" ? "sample" : kind === "image" ? "pixel" : "value"];
  const lanes = names.map((): number[] => []);
  let examples = 0;
  for (let at = 0; at < count; at += step) {
    const example = await dataset.read(split, Math.floor(at));
    const values = example.kind === "image" ? example.pixels : example.values;
    if (kind === "table") for (const [lane, collected] of lanes.entries()) collected.push(values[lane] ?? 0);
    else collectSome(values, lanes[0] ?? []);
    examples += 1;
  }
  return { split, examples, values: examples === 0 ? [] : names.map((name, lane) => summary(name, lanes[lane] ?? [])) };
}

function collectSome(values: ArrayLike<number>, into: number[]): void {
  const step = Math.max(1, values.length / MOST_VALUES_PER_EXAMPLE);
  for (let at = 0; at < values.length; at += step) into.push(values[Math.floor(at)] ?? 0);
}

function summary(name: string, values: readonly number[]): ValueSummary {
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of values) [min, max, sum] = [Math.min(min, value), Math.max(max, value), sum + value];
  const mean = sum / values.length;
  const variance = values.reduce((total, value) => total + (value - mean) ** 2, 0) / values.length;
  const histogram = Array.from({ length: BINS }, () => 0);
  for (const value of values) {
    const bin = max === min ? 0 : Math.min(BINS - 1, Math.floor(((value - min) / (max - min)) * BINS));
    histogram[bin] = (histogram[bin] ?? 0) + 1;
  }
  return { name, min, max, mean, std: Math.sqrt(variance), histogram };
}
