import { join } from "node:path";
import { getVersion, keepGraph, markVersionReady, markVersionRejected, systemPrincipal } from "@flotilla/fleet";
import type { JobContext, JobDone } from "../ports.ts";
import { stageFiles } from "../staged-files.ts";
import { lookAtModel, type LookStep } from "./look-at-model.ts";

const worker = systemPrincipal("worker");

const steps: Record<LookStep, { progress: number; progressText: string }> = {
  reading: { progress: 0.2, progressText: "Reading the model" },
  opening: { progress: 0.3, progressText: "Opening it in ONNX Runtime" },
  running: { progress: 0.5, progressText: "Running it once on zeros" },
  measuring: { progress: 0.6, progressText: "Measuring latency and layers" },
  describing: { progress: 0.9, progressText: "Describing its graph" },
};

/**
 * Looks at an uploaded version. Ends with the version `ready` or `rejected`; a refusal is a success of the job. Finds nothing to
 * do when the version is decided already.
 */
export async function importVersion({ versionId }: { versionId: string }, context: JobContext): Promise<JobDone> {
  const version = await context.transact((tx) => getVersion(tx, worker, versionId));
  if (version.state !== "validating") return { result: { state: version.state } };
  context.report({ progress: 0.05, progressText: "Copying and checking the files" });
  const staged = await stageFiles(context.store, version.files, join(context.workDir, "files"), context.signal);
  const looked = await lookAtModel(staged, context, (step) => context.report(steps[step]));
  if (looked.kind === "refused") return rejected(versionId, looked.code, looked.reason, context);
  const { inspection, graph } = looked;
  context.report({ progress: 0.95, progressText: "Writing down what was found" });
  return {
    result: { state: "ready", p50Ms: inspection.latencyMs.p50, peakMemoryBytes: inspection.peakMemoryBytes },
    commit: async (tx) => {
      if ((await markVersionReady(tx, versionId, inspection)) && graph !== null) await keepGraph(tx, versionId, graph);
    },
  };
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
