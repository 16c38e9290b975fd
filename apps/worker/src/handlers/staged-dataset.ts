import { join } from "node:path";
import { getDatasetVersion, systemPrincipal, type DatasetSummary } from "@flotilla/fleet";
import { JobFailure } from "../job-failure.ts";
import type { JobContext } from "../ports.ts";
import { layFiles } from "../staged-files.ts";

const worker = systemPrincipal("worker");

/** A dataset version's canonical file in the job's directory. */
export type StagedDataset = { id: string; path: string; bytes: number; sha256: string; summary: DatasetSummary };

/** Lays a copy of a ready dataset version beside the job's other files. `dataset_not_ready` otherwise. */
export async function stageDataset(datasetVersionId: string, context: JobContext): Promise<StagedDataset> {
  const { state, artifactSha256: sha256, artifactBytes: bytes, summary } = await context.transact((tx) => getDatasetVersion(tx, worker, datasetVersionId));
  if (state !== "ready" || sha256 === null || bytes === null || summary === null) throw new JobFailure("dataset_not_ready", `The dataset version is ${state}; only a ready one can be used.`);
  const [laid] = await layFiles(context.store, [{ name: "examples", sha256, sizeBytes: bytes }], join(context.workDir, "dataset"), context.signal);
  return { id: datasetVersionId, path: laid?.path ?? "", bytes, sha256, summary };
}
