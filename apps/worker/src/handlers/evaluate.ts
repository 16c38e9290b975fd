import { join } from "node:path";
import { getVersion, keepEvaluation, systemPrincipal, type JobPayload } from "@flotilla/fleet";
import { JobFailure } from "../job-failure.ts";
import type { JobContext, JobDone } from "../ports.ts";
import type { EvaluateInput } from "../sandbox/evaluate.ts";
import { recordedSchema } from "../sandbox/evaluation-schemas.ts";
import { limitsFor } from "../sandbox/limits.ts";
import { runModel, sentence } from "../sandbox/run-model.ts";
import { stageFiles } from "../staged-files.ts";
import { evaluationOf } from "./evaluation-numbers.ts";
import { stageDataset } from "./staged-dataset.ts";

const worker = systemPrincipal("worker");

/** A minute of the job's hour is left for copying. */
const RUN_SECONDS = 59 * 60;

/** Runs a split of a dataset version through a version, in a sandbox child, and counts what was right. */
export async function evaluateVersion({ versionId, datasetVersionId, split = "test" }: JobPayload<"evaluate">, context: JobContext): Promise<JobDone> {
  const version = await context.transact((tx) => getVersion(tx, worker, versionId));
  if (version.state !== "ready") throw new JobFailure("version_not_ready", `The version is ${version.state}; only a ready one can be evaluated.`);
  if (version.preprocessing === null) throw new JobFailure("preprocessing_missing", "Nobody has said how an example becomes this model's input.");
  context.report({ progress: 0.02, progressText: "Copying and checking the files" });
  const dataset = await stageDataset(datasetVersionId, context);
  if (dataset.summary.counts[split] === 0) throw new JobFailure("split_empty", `The dataset version has no examples in ${split}.`);
  const staged = await stageFiles(context.store, version.files, join(context.workDir, "files"), context.signal);
  context.report({ progress: 0.05, progressText: "Running the examples" });
  const run = await runModel<EvaluateInput, unknown>({
    entry: new URL("../sandbox/evaluate.ts", import.meta.url),
    input: { modelPath: staged.modelPath, datasetPath: dataset.path, split, limit: null, preprocessing: version.preprocessing },
    limits: limitsFor(staged.totalBytes, RUN_SECONDS),
    workDir: context.workDir,
    signal: context.signal,
    doing: () => "evaluating the model",
    onProgress: (value) => reportDone(value, context),
  });
  if (run.kind === "refused") throw new JobFailure(run.code, sentence(run.reason));
  const recorded = recordedSchema.safeParse(run.output);
  if (!recorded.success) throw new JobFailure("sandbox_failed", "Evaluating the model gave numbers that cannot be.");
  const evaluation = evaluationOf(recorded.data, datasetVersionId, split, dataset.summary);
  return {
    result: { n: evaluation.numbers.n, top1: evaluation.numbers.top1 },
    commit: (tx) => keepEvaluation(tx, { ...evaluation, versionId, jobId: context.jobId }),
  };
}

function reportDone(value: unknown, context: JobContext): void {
  if (typeof value !== "object" || value === null || !("done" in value) || !("total" in value)) return;
  const { done, total } = value;
  if (typeof done !== "number" || typeof total !== "number" || !(total > 0)) return;
  context.report({ progress: 0.05 + 0.9 * Math.min(1, done / total), progressText: `Running the examples: ${done.toLocaleString("en-US")} of ${total.toLocaleString("en-US")}` });
}
