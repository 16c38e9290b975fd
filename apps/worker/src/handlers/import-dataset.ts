import { join } from "node:path";
import { DATASET_REFUSAL_CODES } from "@flotilla/datasets";
import { getDatasetVersion, markDatasetReady, markDatasetRejected, storableJson, systemPrincipal, type DatasetVersionView } from "@flotilla/fleet";
import type { JobContext, JobDone } from "../ports.ts";
import { readDatasetOutputSchema } from "../sandbox/dataset-schemas.ts";
import { datasetLimitsFor } from "../sandbox/limits.ts";
import type { ReadDatasetInput } from "../sandbox/read-dataset.ts";
import { runModel } from "../sandbox/run-model.ts";
import { layFiles } from "../staged-files.ts";
import { fittingTemplates } from "./fitting-templates.ts";

const worker = systemPrincipal("worker");

/**
 * Reads an uploaded dataset version in a sandbox child: files in, one canonical file, its summary and a preview out. Ends with
 * the version `ready` or `rejected`; a refusal is a success of the job. Finds nothing to do when the version is decided already.
 */
export async function importDataset({ datasetVersionId }: { datasetVersionId: string }, context: JobContext): Promise<JobDone> {
  const version = await context.transact((tx) => getDatasetVersion(tx, worker, datasetVersionId));
  if (version.state !== "importing") return { result: { state: version.state } };
  const outPath = join(context.workDir, "dataset");
  const read = await readInSandbox(version, outPath, context);
  if (read.kind === "refused") return rejected(datasetVersionId, read.code, read.reason, context);
  const claimed = readDatasetOutputSchema.safeParse(read.output);
  if (!claimed.success) return rejected(datasetVersionId, "sandbox_failed", "Reading the files gave something else than a dataset.", context);
  const { header: summary, preview } = storableJson(claimed.data);
  context.report({ progress: 0.9, progressText: "Keeping the examples", logs: summary.warnings.map(({ sentence }) => ({ level: "warn", text: sentence })) });
  const artifact = await context.store.put({ file: outPath });
  return {
    result: { state: "ready", counts: summary.counts, classes: summary.classes.length },
    commit: async (tx) => {
      await markDatasetReady(tx, datasetVersionId, { artifact, summary, preview, templates: fittingTemplates(summary) });
    },
  };
}

async function readInSandbox(version: DatasetVersionView, outPath: string, context: JobContext) {
  context.report({ progress: 0.05, progressText: "Copying and checking the files" });
  const [first, ...companions] = await layFiles(context.store, version.files, join(context.workDir, "files"), context.signal);
  if (first === undefined) return { kind: "refused" as const, code: "no_examples", reason: "There is no file." };
  const { format, ...options } = version.options;
  context.report({ progress: 0.1, progressText: "Reading the examples" });
  return runModel<ReadDatasetInput, unknown>({
    entry: new URL("../sandbox/read-dataset.ts", import.meta.url),
    input: { source: { ...first, companions, format, options: JSON.parse(JSON.stringify(options)) as object }, outPath },
    limits: datasetLimitsFor(version.sizeBytes),
    workDir: context.workDir,
    signal: context.signal,
    refusalCodes: DATASET_REFUSAL_CODES,
    engine: "the reader",
    doing: () => "reading the files",
    onProgress: (value) => {
      if (typeof value === "object" && value !== null && "examples" in value && typeof value.examples === "number") {
        context.report({ progress: 0.1 + 0.7 * (1 - 1 / (1 + value.examples / 20_000)), progressText: `Reading the examples: ${value.examples.toLocaleString("en-US")}` });
      }
    },
  });
}

function rejected(id: string, code: string, reason: string, context: JobContext): JobDone {
  context.report({ logs: [{ level: "warn", text: `Rejected (${code}): ${reason}` }] });
  return {
    result: { state: "rejected", code, reason },
    commit: async (tx) => {
      await markDatasetRejected(tx, id, code, reason);
    },
  };
}
