import { join } from "node:path";
import { getVersion, markVersionReady, markVersionRejected, storableJson, storableText, systemPrincipal } from "@flotilla/fleet";
import { ModelRefusal, readModelSummary, type ModelSummary } from "@flotilla/runtime";
import type { JobContext, JobDone } from "../ports.ts";
import { probeOutputSchema } from "../sandbox/child-schemas.ts";
import { limitsFor } from "../sandbox/limits.ts";
import type { ProbeInput, ProbeStep } from "../sandbox/probe.ts";
import { runModel } from "../sandbox/run-model.ts";
import { stageFiles, type StagedFiles } from "../staged-files.ts";
import { inspectionOf } from "./inspection.ts";

const worker = systemPrincipal("worker");

const steps: Record<ProbeStep, { progress: number; text: string; doing: string }> = {
  opening: { progress: 0.3, text: "Opening it in ONNX Runtime", doing: "opening the model" },
  running: { progress: 0.5, text: "Running it once on zeros", doing: "running the model once" },
  measuring: { progress: 0.6, text: "Measuring latency and layers", doing: "measuring the model" },
};

/**
 * Looks at an uploaded version: the bounded reader first, then ONNX Runtime in a sandbox child. Ends with the version
 * `ready` or `rejected`; a refusal is a success of the job. Finds nothing to do when the version is decided already.
 */
export async function importVersion({ versionId }: { versionId: string }, context: JobContext): Promise<JobDone> {
  const version = await context.transact((tx) => getVersion(tx, worker, versionId));
  if (version.state !== "validating") return { result: { state: version.state } };
  context.report({ progress: 0.05, progressText: "Copying and checking the files" });
  const staged = await stageFiles(context.store, version.files, join(context.workDir, "files"), context.signal);
  context.report({ progress: 0.2, progressText: "Reading the model" });
  const read = await readBounded(staged);
  if (read.kind === "refused") return rejected(versionId, read.code, read.reason, context);
  context.signal.throwIfAborted();
  const probe = await probeInSandbox(staged, context);
  if (probe.kind === "refused") return rejected(versionId, probe.code, probe.reason, context);
  const claimed = probeOutputSchema.safeParse(probe.output);
  if (!claimed.success) return rejected(versionId, "sandbox_failed", "measuring the model gave numbers that cannot be", context);
  const inspection = storableJson(inspectionOf(read.summary, claimed.data));
  context.report({ progress: 0.95, progressText: "Writing down what was found" });
  return {
    result: { state: "ready", p50Ms: inspection.latencyMs.p50, peakMemoryBytes: inspection.peakMemoryBytes },
    commit: async (tx) => {
      await markVersionReady(tx, versionId, inspection);
    },
  };
}

type Read = { kind: "read"; summary: ModelSummary } | { kind: "refused"; code: string; reason: string };

async function readBounded(staged: StagedFiles): Promise<Read> {
  try {
    return { kind: "read", summary: await readModelSummary({ path: staged.modelPath }, staged.externalFiles) };
  } catch (error) {
    if (!(error instanceof ModelRefusal)) throw error;
    return { kind: "refused", code: error.code, reason: storableText(error.reason) };
  }
}

async function probeInSandbox(staged: StagedFiles, context: JobContext) {
  let step: ProbeStep = "opening";
  return runModel<ProbeInput, unknown>({
    entry: new URL("../sandbox/probe.ts", import.meta.url),
    input: { modelPath: staged.modelPath },
    limits: limitsFor(staged.totalBytes),
    workDir: context.workDir,
    signal: context.signal,
    doing: () => steps[step].doing,
    onProgress: (value) => {
      if (typeof value !== "string" || !Object.hasOwn(steps, value)) return;
      step = value as ProbeStep;
      context.report({ progress: steps[step].progress, progressText: steps[step].text });
    },
  });
}

function rejected(versionId: string, code: string, reason: string, context: JobContext): JobDone {
  context.report({ logs: [{ level: "warn", text: `Rejected (${code}): ${reason}` }] });
  return {
    result: { state: "rejected", code, reason },
    commit: async (tx) => {
      await markVersionRejected(tx, versionId, code, reason);
    },
  };
}
