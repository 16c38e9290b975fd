import type { DatasetSummary } from "@flotilla/fleet";
import { numberIn, type NumberField, type TrainingDraft } from "./training-draft.ts";

/** The recipe that the draft says. Only for a draft without a problem: a number that is none counts as 0. */
export function recipeOf(draft: TrainingDraft, task: DatasetSummary["task"]) {
  const number = (field: NumberField): number => numberIn(draft, field) ?? 0;
  const orNull = (field: NumberField): number | null => numberIn(draft, field);
  const share = (field: NumberField): number => Number((number(field) / 100).toFixed(6));
  const isClassification = task === "classification";
  return {
    loss: draft.loss === "fitting" ? (task === "classification" ? "cross_entropy" : "mean_squared_error") : draft.loss,
    labelSmoothing: isClassification ? number("labelSmoothing") : 0,
    classWeights: isClassification && draft.balanced ? "balanced" : "none",
    optimizer: { kind: draft.optimizer, learningRate: number("learningRate"), weightDecay: number("weightDecay"), momentum: draft.optimizer === "sgd" ? number("momentum") : 0.9, nesterov: false },
    schedule: { kind: draft.schedule, warmupEpochs: number("warmupEpochs") },
    batchSize: number("batchSize"), accumulation: number("accumulation"),
    budget: draft.budget === "epochs" ? { epochs: number("epochs"), minutes: null } : { epochs: null, minutes: number("minutes") },
    clipNorm: orNull("clipNorm"), emaDecay: orNull("emaDecay"), patienceEpochs: orNull("patience"),
    augmentation: { shift: share("shift"), rotateDegrees: number("rotate"), scale: share("scale"), flip: draft.flip, brightness: share("brightness"), contrast: share("contrast"), noise: share("noise"), mixup: number("mixup") },
    seed: number("seed"),
  };
}
