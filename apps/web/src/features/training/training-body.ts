import type { TrainingRecipe } from "@flotilla/fleet";
import { isRounded, learnsClasses, numberIn, parametersOf, type Chosen, type NumberField, type TrainingDraft } from "./training-draft.ts";

/** The recipe that the draft says. Only for a draft without a problem: a number that is none counts as 0. */
export function recipeOf(draft: TrainingDraft, isOfClasses: boolean, teacherId: string | null): TrainingRecipe {
  const number = (field: NumberField): number => numberIn(draft, field) ?? 0;
  const orNull = (field: NumberField): number | null => numberIn(draft, field);
  const share = (field: NumberField): number => Number((number(field) / 100).toFixed(6));
  return {
    loss: draft.loss === "fitting" ? (isOfClasses ? "cross_entropy" : "mean_squared_error") : draft.loss,
    labelSmoothing: isOfClasses ? number("labelSmoothing") : 0,
    classWeights: isOfClasses && draft.balanced ? "balanced" : "none",
    optimizer: { kind: draft.optimizer, learningRate: number("learningRate"), weightDecay: number("weightDecay"), momentum: draft.optimizer === "sgd" ? number("momentum") : 0.9, nesterov: false },
    schedule: { kind: draft.schedule, warmupEpochs: number("warmupEpochs") },
    batchSize: number("batchSize"), accumulation: number("accumulation"),
    budget: draft.budget === "epochs" ? { epochs: number("epochs"), minutes: null } : { epochs: null, minutes: number("minutes") },
    clipNorm: orNull("clipNorm"), emaDecay: orNull("emaDecay"), patienceEpochs: orNull("patience"),
    augmentation: { shift: share("shift"), rotateDegrees: number("rotate"), scale: share("scale"), flip: draft.flip, cropPixels: number("crop"), brightness: share("brightness"), contrast: share("contrast"), noise: share("noise"), mixup: number("mixup") },
    seed: number("seed"),
    ...(isRounded(draft) && { quantization: { weightBits: draft.rounding === "w4a8" ? 4 : 8, perChannel: draft.perChannel } as const }),
    ...(draft.teaches && teacherId !== null && { distillation: { teacherVersionId: teacherId, temperature: number("temperature"), hardShare: share("labelShare") } }),
  };
}

/** The body that starts the run. */
export function trainingBody(draft: TrainingDraft, chosen: Chosen): Record<string, unknown> {
  const { dataset, template, preset, version } = chosen;
  if (draft.start === "outside") return { datasetVersionId: dataset?.id, modelName: draft.modelName.trim(), outside: { script: draft.script.trim(), parameters: parametersOf(draft.parameters) ?? {} } };
  const start = draft.start === "template" ? { template: { id: template?.id, preset } } : { versionId: version?.id, ...(draft.freeze === "up_to" && { freezeUpTo: draft.freezeUpTo }) };
  return { datasetVersionId: dataset?.id, ...start, ...(draft.modelName.trim() !== "" && { modelName: draft.modelName.trim() }), recipe: recipeOf(draft, learnsClasses(draft, chosen), chosen.teacher?.id ?? null) };
}
