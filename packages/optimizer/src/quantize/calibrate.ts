import type { Tensor } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import { ActivationHistogram } from "./histogram.ts";
import type { NumberFormat, Range } from "./number-formats.ts";
import type { RangeProbe } from "./range-probes.ts";
import { withRangeProbes, withSampledOutputs } from "./range-probes.ts";
import type { CalibrationContext, Visit } from "./sampler.ts";
import { evenlyChosen, Sampler } from "./sampler.ts";
import { TensorStatistics } from "./tensor-statistics.ts";
import { leastDivergenceRange, leastSquaresRange, percentileRange } from "./thresholds.ts";

export type CalibrationMethod =
  /** Smallest and largest value of all samples. */
  | { readonly kind: "min-max" }
  /** Mean over the samples of each sample's extremes: one strange sample does not widen the range. */
  | { readonly kind: "mean-min-max" }
  | { readonly kind: "moving-average" }
  | { readonly kind: "percentile"; readonly percent: number }
  | { readonly kind: "least-squares" }
  | { readonly kind: "least-divergence" };

const HISTOGRAM_METHODS = new Set<CalibrationMethod["kind"]>(["percentile", "least-squares", "least-divergence"]);
const HISTOGRAM_BINS = 2_048;
/** Examples counted in histograms, evenly chosen: their shape settles long before their ends do, which the first pass finds on all. */
const HISTOGRAM_EXAMPLES = 64;

/**
 * Runs the float model on the examples, one at a time, and gathers the ranges of the tensors; for methods that need it a second time for
 * histograms over the ranges of the first. Holds one sample's tensors and 8 bytes a bin and tensor. Rejects with the signal's reason
 * when it is aborted between samples.
 */
export async function calibrate(
  model: OnnxModel,
  tensors: readonly string[],
  examples: ExampleSource,
  method: CalibrationMethod,
  context: CalibrationContext = {},
): Promise<Map<string, TensorStatistics>> {
  const { known } = context;
  if (known === undefined) return gathered(model, tensors, examples, method, context);
  const missing = tensors.filter((name) => !known.has(name));
  if (missing.length > 0) for (const [name, entry] of await gathered(model, missing, examples, method, context)) known.set(name, entry);
  return new Map(tensors.flatMap((name) => [[name, known.get(name) ?? new TensorStatistics()]]));
}

async function gathered(model: OnnxModel, tensors: readonly string[], examples: ExampleSource, method: CalibrationMethod, context: CalibrationContext): Promise<Map<string, TensorStatistics>> {
  const statistics = new Map(tensors.map((name) => [name, new TensorStatistics()]));
  const passes = HISTOGRAM_METHODS.has(method.kind) ? 2 : 1;
  const counted = evenlyChosen(examples, HISTOGRAM_EXAMPLES);
  const sampler = new Sampler(context, examples.count + (passes === 2 ? counted.count : 0));
  const { model: probed, probes } = withRangeProbes(model, tensors);
  await sampler.eachRun(probed, examples, (results, _feeds, index) => {
    const half = index * 2 < examples.count ? 0 : 1;
    for (const probe of probes) statistics.get(probe.tensor)?.add(probe.min === null ? 0 : scalar(results, probe.min), scalar(results, probe.max), half);
  });
  if (passes === 2) await fillHistograms(model, (sampled, visit) => sampler.eachRun(sampled, counted, visit), probes, statistics);
  return statistics;
}

type RunAll = (model: OnnxModel, visit: Visit) => Promise<void>;

async function fillHistograms(model: OnnxModel, runAll: RunAll, probes: readonly RangeProbe[], statistics: ReadonlyMap<string, TensorStatistics>): Promise<void> {
  const counted = probes.map(({ tensor }) => tensor).filter((name) => (statistics.get(name)?.samples ?? 0) > 0);
  const histograms = new Map(counted.map((name) => [name, new ActivationHistogram(statistics.get(name)?.observed ?? { min: 0, max: 0 }, HISTOGRAM_BINS)]));
  const { model: sampled, outputs } = withSampledOutputs(model, counted);
  await runAll(sampled, (results, feeds) => {
    for (const [name, histogram] of histograms) {
      const data = (results[outputs.get(name) ?? name] ?? feeds[name])?.data;
      if (data instanceof Float32Array) histogram.add(data);
    }
  });
  for (const [name, histogram] of histograms) {
    const entry = statistics.get(name);
    if (entry !== undefined) entry.histogram = histogram;
  }
}

function scalar(results: Readonly<Record<string, Tensor>>, name: string): number {
  const value = results[name]?.data[0];
  return typeof value === "number" ? value : Number.NaN;
}


/** Extreme of the tensor over that of 99.99 per cent of its values; null without a histogram. */
export function tailRatio({ histogram, observed }: TensorStatistics): number | null {
  if (histogram === null) return null;
  const inner = percentileRange(histogram, 99.99);
  const [outer, middle] = [observed, inner].map(({ min, max }) => Math.max(max, 0) - Math.min(min, 0));
  return outer === undefined || middle === undefined || middle <= 0 ? null : outer / middle;
}

/** The range a method gives a tensor. Null when no sample gave it finite values. */
export function rangeOf(statistics: TensorStatistics, method: CalibrationMethod, format: NumberFormat): Range | null {
  if (statistics.samples === 0) return null;
  const { histogram, observed } = statistics;
  switch (method.kind) {
    case "min-max":
      return observed;
    case "mean-min-max":
      return statistics.mean;
    case "moving-average":
      return statistics.movingAverage;
    case "percentile":
      return histogram === null ? observed : percentileRange(histogram, method.percent);
    case "least-squares":
      return histogram === null ? observed : leastSquaresRange(histogram, format);
    case "least-divergence":
      return histogram === null ? observed : leastDivergenceRange(histogram);
  }
}

