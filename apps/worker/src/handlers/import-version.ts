import { join } from "node:path";
import { getVersion, keepGraph, markVersionReady, markVersionRejected, systemPrincipal, type VersionInspection, type VersionView } from "@flotilla/fleet";
import type { JobContext, JobDone } from "../ports.ts";
import { stageFiles, type StagedFiles } from "../staged-files.ts";
import { convertibleFormat, convertUpload, type ConvertedUpload } from "./convert-upload.ts";
import { lookAtModel, type Looked, type LookStep } from "./look-at-model.ts";

const worker = systemPrincipal("worker");

const steps: Record<LookStep, { progress: number; progressText: string }> = {
  reading: { progress: 0.2, progressText: "Reading the model" },
  opening: { progress: 0.3, progressText: "Opening it in ONNX Runtime" },
  running: { progress: 0.5, progressText: "Running it once on zeros" },
  measuring: { progress: 0.6, progressText: "Measuring latency and layers" },
  describing: { progress: 0.9, progressText: "Describing its graph" },
};

/**
 * Looks at an uploaded version; one of Keras is converted first, and what comes out is looked at like any other model. Ends with the version `ready` or `rejected`; a
 * refusal is a success of the job. Finds nothing to do when the version is decided already.
 */
export async function importVersion({ versionId }: { versionId: string }, context: JobContext): Promise<JobDone> {
  const version = await context.transact((tx) => getVersion(tx, worker, versionId));
  if (version.state !== "validating") return { result: { state: version.state } };
  context.report({ progress: 0.05, progressText: "Copying and checking the files" });
  const staged = await stageFiles(context.store, version.files, join(context.workDir, "files"), context.signal);
  const { looked, converted } = await lookAtUpload(staged, version.files, context);
  if (looked.kind === "refused") return rejected(versionId, looked.code, looked.reason, context);
  const { graph } = looked;
  const inspection: VersionInspection = converted === null ? looked.inspection : { ...looked.inspection, producer: converted.origin.producer, origin: converted.origin };
  context.report({ progress: 0.95, progressText: "Writing down what was found" });
  const file = converted === null ? null : { name: converted.name, ...(await context.store.put({ file: converted.staged.modelPath })) };
  return {
    result: { state: "ready", p50Ms: inspection.latencyMs.p50, peakMemoryBytes: inspection.peakMemoryBytes },
    commit: async (tx) => {
      if ((await markVersionReady(tx, versionId, inspection, file)) && graph !== null) await keepGraph(tx, versionId, graph);
    },
  };
}

/** Looks at what was uploaded, or at what it was converted to. */
export async function lookAtUpload(staged: StagedFiles, files: VersionView["files"], context: JobContext): Promise<{ looked: Looked; converted: ConvertedUpload | null }> {
  const look = (some: StagedFiles) => lookAtModel(some, context, (step) => context.report(steps[step]));
  const looked = await look(staged);
  const format = looked.kind === "refused" ? convertibleFormat(looked.code, staged) : null;
  if (format === null) return { looked, converted: null };
  context.report({ progress: 0.1, progressText: "Converting it from Keras to ONNX" });
  const converted = await convertUpload(staged, files, format, context);
  return converted.kind === "refused" ? { looked: converted, converted: null } : { looked: await look(converted.staged), converted };
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
