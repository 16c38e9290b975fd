import { join } from "node:path";
import { finishTraining, getVersion, systemPrincipal, type DeliveredModel, type PendingTraining, type Preprocessing, type TrainingOutcome, type VersionInspection } from "@flotilla/fleet";
import { FLOTILLA_VERSION } from "@flotilla/protocol";
import { JobFailure } from "../job-failure.ts";
import type { JobContext, JobDone } from "../ports.ts";
import { sentence } from "../sandbox/run-model.ts";
import { stageFiles } from "../staged-files.ts";
import { evaluatedOnTest } from "./evaluated-on-test.ts";
import { lookAtUpload } from "./import-version.ts";
import { stageDataset } from "./staged-dataset.ts";
import { validatedDelivery } from "./validated-delivery.ts";

/** Looks at what an outside runner made as at any upload, evaluates it on the validation and test splits, and makes the version. A model that is refused fails the training. */
export async function checkDelivered(training: PendingTraining, delivered: DeliveredModel, context: JobContext): Promise<JobDone> {
  context.report({ progress: 0.9, progressText: "Checking the runner's model" });
  const files = [{ ...delivered.file, role: "model" as const }];
  const staged = await stageFiles(context.store, files, join(context.workDir, "delivered"), context.signal);
  const { looked, converted } = await lookAtUpload(staged, files, context);
  if (looked.kind === "refused") throw new JobFailure(looked.code, sentence(`the runner's model is not sound: ${looked.reason}`));
  const inspection: VersionInspection = converted === null ? looked.inspection : { ...looked.inspection, producer: converted.origin.producer, origin: converted.origin };
  const model = converted?.staged ?? staged;
  const file = converted === null ? delivered.file : { name: converted.name, ...(await context.store.put({ file: converted.staged.modelPath })) };
  const preprocessing = delivered.preprocessing ?? (await preprocessingOfParent(training, context));
  const dataset = preprocessing === null ? null : await stageDataset(training.datasetVersionId, context);
  const [evaluations, validation] = preprocessing === null || dataset === null ? [[], null] : [await evaluatedOnTest(model, dataset, preprocessing, context), await validatedDelivery(model, dataset, preprocessing, context)];
  const { stoppedBy, epochs, steps, best, ranMs } = delivered;
  const outcome: TrainingOutcome = { stoppedBy, epochs, steps, best, ranMs, parameters: inspection.parameterCount, validation };
  // What the runner says of itself cannot take the platform's own names.
  const toolVersions = { ...delivered.toolVersions, flotilla: FLOTILLA_VERSION, onnxruntime: inspection.measuredOn.ortVersion };
  return {
    result: { state: "finished", epochs, stoppedBy, accuracy: evaluations[0]?.numbers.top1?.value ?? null },
    commit: async (tx) => {
      await finishTraining(tx, training.id, context.jobId, outcome, { file, inspection, graph: looked.graph, preprocessing, evaluations, toolVersions });
    },
  };
}

async function preprocessingOfParent({ start }: PendingTraining, context: JobContext): Promise<Preprocessing | null> {
  if (start.kind !== "outside" || start.versionId === null) return null;
  const { versionId } = start;
  return (await context.transact((tx) => getVersion(tx, systemPrincipal("worker"), versionId))).preprocessing;
}
