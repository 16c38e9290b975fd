import { benchmarkModel, openModel, runtimeFacts, sandboxMain, summarizeLatency, type BenchmarkReport, type RuntimeFacts } from "@flotilla/runtime";

export type BenchmarkMode = "back_to_back" | "scheduled";
export type BenchmarkInput = { modelPath: string; modes: BenchmarkMode[]; minRuns: number; maxDurationMs: number };
export type BenchmarkStep = { step: "opening" } | { step: "running"; mode: BenchmarkMode };
/** One point of the curve: a slice of consecutive runs. `run` is the number of the slice's first run. */
export type BenchmarkPoint = { run: number; p50: number; p99: number };
export type BenchmarkResult = Omit<BenchmarkReport, "samplesMs" | "mode"> & { mode: BenchmarkMode; curve: BenchmarkPoint[] };
export type BenchmarkOutput = { results: BenchmarkResult[]; facts: RuntimeFacts };

/** Points of a curve: more than a chart has room for would only be sent. */
const CURVE_POINTS = 100;

sandboxMain<BenchmarkInput, BenchmarkOutput>(async ({ modelPath, modes, minRuns, maxDurationMs }, { progress }) => {
  progress({ step: "opening" } satisfies BenchmarkStep);
  const model = await openModel(modelPath);
  const results: BenchmarkResult[] = [];
  for (const mode of modes) {
    progress({ step: "running", mode } satisfies BenchmarkStep);
    const { samplesMs, mode: _, ...report } = await benchmarkModel(model, {
      mode: mode === "scheduled" ? "scheduled" : "back-to-back",
      minRuns,
      maxDurationMs,
    });
    results.push({ ...report, mode, curve: curveOf(samplesMs) });
  }
  await model.close();
  return { results, facts: await runtimeFacts() };
});

function curveOf(samplesMs: Float64Array): BenchmarkPoint[] {
  const size = Math.max(1, Math.ceil(samplesMs.length / CURVE_POINTS));
  const points: BenchmarkPoint[] = [];
  for (let run = 0; run < samplesMs.length; run += size) {
    const { p50, p99 } = summarizeLatency(samplesMs.subarray(run, run + size), "");
    points.push({ run, p50, p99 });
  }
  return points;
}
