import type { NewEvaluation, Preprocessing } from "@flotilla/fleet";
import type { JobContext } from "../ports.ts";
import type { EvaluateInput } from "../sandbox/evaluate.ts";
import { recordedSchema } from "../sandbox/evaluation-schemas.ts";
import { limitsFor } from "../sandbox/limits.ts";
import { runModel } from "../sandbox/run-model.ts";
import type { StagedFiles } from "../staged-files.ts";
import { evaluationOf } from "./evaluation-numbers.ts";
import type { StagedDataset } from "./staged-dataset.ts";

const EVALUATE_SECONDS = 3600;

/** How a trained model does on the test split; empty without classes or without such a split. A model that cannot be evaluated is still a model. */
export async function evaluatedOnTest(staged: StagedFiles, dataset: StagedDataset, preprocessing: Preprocessing, context: JobContext): Promise<Omit<NewEvaluation, "versionId" | "jobId">[]> {
  const { counts, task } = dataset.summary;
  if (counts.test === 0 || task !== "classification") return [];
  const run = await runModel<EvaluateInput, unknown>({
    entry: new URL("../sandbox/evaluate.ts", import.meta.url),
    input: { modelPath: staged.modelPath, datasetPath: dataset.path, split: "test", limit: null, preprocessing },
    limits: limitsFor(staged.totalBytes, EVALUATE_SECONDS),
    workDir: context.workDir,
    signal: context.signal,
    doing: () => "evaluating the trained model",
  });
  const recorded = recordedSchema.safeParse(run.kind === "ok" ? run.output : null);
  if (recorded.success) return [evaluationOf(recorded.data, dataset.id, "test", dataset.summary)];
  context.report({ logs: [{ level: "warn", text: "The trained model could not be evaluated on the test split." }] });
  return [];
}
