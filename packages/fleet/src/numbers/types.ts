import type { Split } from "../datasets/index.ts";

/** A share of examples with its 95 % interval. */
export type Share = { value: number; n: number; ci95: [number, number]; method: string };

/** What an evaluation found. Without labels only what needs none. */
export type EvaluationNumbers = {
  split: Split;
  /** Examples that were run. */
  n: number;
  top1: Share | null;
  top5: Share | null;
  /** At most 1,000; by class index. */
  classes: { index: number; name: string; n: number; correct: number }[];
  /** The most frequent mistakes, at most 200. */
  confusions: { actual: number; predicted: number; count: number }[];
  method: string;
};

export type EvaluationView = {
  versionId: string; datasetVersionId: string; datasetId: string; datasetName: string; datasetNumber: number; jobId: string; at: string; numbers: EvaluationNumbers;
};

/** Two versions on the same examples: how much more often the second is right. Negative is worse. */
export type PairedDifference = {
  n: number;
  /** As a share: -0.005 is half a point less. */
  value: number;
  ci95: [number, number];
  /** Examples that only the second, and only the first, got right. */
  gained: number; lost: number;
  /** Probability of a difference at least as large if both were equally good (McNemar, mid-p). */
  pValue: number;
  /** Share of examples that both put into the same class. */
  agreement: number;
  worstClass: { index: number; name: string; n: number; value: number } | null;
  method: string;
};

/** Times in ms; percentiles are exact. */
export type LatencyNumbers = { p50: number; p90: number; p95: number; p99: number; min: number; max: number; mean: number; n: number; method: string };

export type Machine = { cpu: string; arch: string; isa: string[]; ortVersion: string; threads: number };

export type MeasurementMode = "back_to_back" | "scheduled" | "interleaved";

export type MeasurementNumbers = {
  latencyMs: LatencyNumbers;
  loadMs: number | null; firstRunMs: number | null; peakMemoryBytes: number | null;
  machine: Machine;
  /** Interleaved only: how many times quicker than the baseline of the same rounds (above 1 is quicker). */
  speedUp: { baselineVersionId: string; ratio: number; ci95: [number, number]; rounds: number; method: string } | null;
};

export type MeasurementView = { versionId: string; mode: MeasurementMode; machineId: string; jobId: string; at: string; numbers: MeasurementNumbers };

/** What an optimization learned of one variant while it made it. */
export type VariantReport = {
  size: { bytes: number; compressedBytes: number; parentBytes: number; parentCompressedBytes: number; method: string };
  /** Outputs beside the parent's on the same inputs; needs no labels. */
  agreement: { n: number; top1: number | null; cosine: number | null; maxAbsError: number | null; method: string } | null;
  /** What was done, in order. `effect`: what was measured of it, as a sentence. */
  passes: { name: string; title: string; changes: number; effect: string }[];
  /** From ONNX Runtime's own optimised graph: what runs in integers, what stayed float and why. */
  fusion: {
    integerNodes: number; floatNodes: { name: string; opType: string; reason: string }[]; conversionNodes: number;
    /** Share of time in integer kernels, 0 to 1. */
    integerTimeShare: number | null; method: string;
  } | null;
  /** Predicted for x86 CPUs without VNNI, by integer emulation. */
  saturation: { saturatedNodes: number; agreement: Share | null; accuracy: Share | null; sentence: string; method: string } | null;
  warnings: string[];
};

/** Everything known of a version's quality, with how it was measured. */
export type VersionReportView = {
  versionId: string; modelId: string; number: number; parentId: string | null; optimizationId: string | null;
  label: string | null; kind: string | null; offered: boolean; notOfferedReason: string | null;
  recipe: unknown; recipeSha256: string | null; toolVersions: Record<string, string> | null;
  sizeBytes: number;
  evaluations: EvaluationView[];
  /** Beside the parent on the same examples; null where one of the two was not evaluated. */
  againstParent: (PairedDifference & { datasetVersionId: string; split: string })[];
  measurements: MeasurementView[];
  variant: VariantReport | null;
};

export type ComparedVersion = {
  id: string; modelId: string; modelName: string; number: number; label: string | null; kind: string | null; offered: boolean; notOfferedReason: string | null;
  sizeBytes: number; compressedBytes: number | null; parameterCount: number | null; macs: number | null; nodeCount: number | null;
  accuracy: Share | null;
  latencyMs: LatencyNumbers | null;
  /** The median to compare by: the baseline's times the ratio where both ran in turns, since minutes differ by more than versions; its own otherwise. */
  comparableMs: number | null;
  peakMemoryBytes: number | null; loadMs: number | null; integerTimeShare: number | null;
  /** No other of these is at least as good in size, latency and accuracy, and better in one. Null while a number is missing. */
  isOnFront: boolean | null;
  /** Against the baseline; null for the baseline itself. Ratios are version ÷ baseline. */
  delta: { sizeRatio: number; latencyRatio: number | null; /** Only where both ran in turns. */ latencyRatioCi95: [number, number] | null; memoryRatio: number | null; accuracy: PairedDifference | null } | null;
};

/** Several versions side by side. Only numbers that were measured alike stand in one column. */
export type CompareView = {
  baselineId: string;
  /** Null when no dataset split was evaluated on all of them. */
  accuracyOn: { datasetVersionId: string; datasetId: string; datasetName: string; datasetNumber: number; split: string } | null;
  /** Null when no machine and mode measured all of them; `latencyWhyNot` says so. */
  latencyOn: { mode: MeasurementMode; machine: Machine; method: string } | null;
  latencyWhyNot: string | null;
  versions: ComparedVersion[];
  /** `correct`: in the order of `versions`; null where a version was not evaluated on it. */
  classes: { index: number; name: string; n: number; correct: (number | null)[] }[];
};
