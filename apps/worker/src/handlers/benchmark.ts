import { join } from "node:path";
import { getVersion, keepMeasurement, systemPrincipal, type JobPayload } from "@flotilla/fleet";
import { JobFailure } from "../job-failure.ts";
import type { JobContext, JobDone } from "../ports.ts";
import type { BenchmarkInput, BenchmarkMode } from "../sandbox/benchmark.ts";
import { benchmarkOutputSchema } from "../sandbox/child-schemas.ts";
import { limitsFor } from "../sandbox/limits.ts";
import { runModel, sentence } from "../sandbox/run-model.ts";
import { stageFiles } from "../staged-files.ts";

const worker = systemPrincipal("worker");

/** 1,024 runs leave ten samples above the p99. */
const DEFAULT_RUNS = 1_024;
/** Per mode; a slow model stops here with fewer runs. At 10 Hz 1,024 scheduled runs take 102 s. */
const MODE_MAX_MS = 120_000;

const words: Record<BenchmarkMode, { text: string; metric: string }> = {
  back_to_back: { text: "Running back to back", metric: "back to back" },
  scheduled: { text: "Running at 10 Hz", metric: "scheduled" },
};

/** Times a ready version on this machine in one or both measuring modes. The two are separate results and never compared. */
export async function benchmarkVersion(payload: JobPayload<"benchmark">, context: JobContext): Promise<JobDone> {
  const version = await context.transact((tx) => getVersion(tx, worker, payload.versionId));
  if (version.state !== "ready") throw new JobFailure("version_not_ready", `The version is ${version.state}; only a ready one can be measured.`);
  const mode = payload.mode ?? "both";
  const modes: BenchmarkMode[] = mode === "both" ? ["back_to_back", "scheduled"] : [mode];
  context.report({ progress: 0, progressText: "Copying and checking the files" });
  const staged = await stageFiles(context.store, version.files, join(context.workDir, "files"), context.signal);
  const run = await runModel<BenchmarkInput, unknown>({
    entry: new URL("../sandbox/benchmark.ts", import.meta.url),
    input: { modelPath: staged.modelPath, modes, minRuns: payload.runs ?? DEFAULT_RUNS, maxDurationMs: MODE_MAX_MS },
    // Warming up may take half of a mode's time again.
    limits: limitsFor(staged.totalBytes, (modes.length * 1.5 * MODE_MAX_MS) / 1000),
    workDir: context.workDir,
    signal: context.signal,
    doing: () => "measuring the model",
    onProgress: (value) => reportStep(value, modes, context),
  });
  if (run.kind === "refused") throw new JobFailure(run.code, sentence(run.reason));
  const output = benchmarkOutputSchema.safeParse(run.output);
  if (!output.success) throw new JobFailure("sandbox_failed", "Measuring the model gave numbers that cannot be.");
  const { results, facts } = output.data;
  context.report({
    metrics: results.flatMap(({ mode: measured, curve }) =>
      curve.flatMap(({ run: step, p50, p99 }) => [
        { name: `${words[measured].metric} p50 ms`, step, value: p50 },
        { name: `${words[measured].metric} p99 ms`, step, value: p99 },
      ]),
    ),
  });
  const measuredOn = { cpu: facts.cpuModel, arch: facts.arch, isa: facts.isa, ortVersion: facts.ortVersion, threads: 1 };
  // The curve lies in metric rows.
  return {
    result: { results: results.map((result) => ({ ...result, curve: undefined })), measuredOn },
    commit: async (tx) => {
      for (const { mode: measured, latencyMs, firstRunMs } of results) {
        const numbers = { latencyMs, firstRunMs, loadMs: null, peakMemoryBytes: run.peakRssBytes, machine: measuredOn, speedUp: null };
        await keepMeasurement(tx, { versionId: version.id, jobId: context.jobId, mode: measured, numbers });
      }
    },
  };
}

function reportStep(value: unknown, modes: readonly BenchmarkMode[], context: JobContext): void {
  const mode = typeof value === "object" && value !== null && "mode" in value ? value.mode : undefined;
  const index = modes.findIndex((known) => known === mode);
  const known = modes[index];
  if (known === undefined) context.report({ progress: 0.05, progressText: "Opening it in ONNX Runtime" });
  else context.report({ progress: 0.1 + (0.9 * index) / modes.length, progressText: words[known].text });
}
