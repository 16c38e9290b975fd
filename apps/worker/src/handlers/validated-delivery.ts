import type { Preprocessing, TrainingOutcome } from "@flotilla/fleet";
import type { JobContext } from "../ports.ts";
import { limitsFor } from "../sandbox/limits.ts";
import { runModel, sentence } from "../sandbox/run-model.ts";
import { validateOutputSchema } from "../sandbox/training-schemas.ts";
import type { ValidateInput } from "../sandbox/validate-model.ts";
import type { StagedFiles } from "../staged-files.ts";
import type { StagedDataset } from "./staged-dataset.ts";

const VALIDATE_SECONDS = 3600;

/**
 * What a model that was trained elsewhere mixes up on the validation split, for the page of its training; null without classes or such a split. One that cannot be looked at so is still a model.
 */
export async function validatedDelivery(staged: StagedFiles, { path, summary }: StagedDataset, preprocessing: Preprocessing, context: JobContext): Promise<TrainingOutcome["validation"]> {
  if (summary.counts.validation === 0 || summary.task !== "classification") return null;
  const run = await runModel<ValidateInput, unknown>({
    entry: new URL("../sandbox/validate-model.ts", import.meta.url),
    input: { modelPath: staged.modelPath, datasetPath: path, preprocessing },
    limits: limitsFor(staged.totalBytes, VALIDATE_SECONDS),
    workDir: context.workDir,
    signal: context.signal,
    doing: () => "looking at what the trained model mixes up",
  });
  const output = validateOutputSchema.safeParse(run.kind === "ok" ? run.output : null);
  if (output.success) return output.data.validation;
  const reason = run.kind === "refused" ? run.reason : "the answers are none that can be";
  context.report({ logs: [{ level: "warn", text: sentence(`What the model mixes up on the validation split could not be looked at: ${reason}`) }] });
  return null;
}
