import { numberIn, type Chosen, type NumberField, type TrainingDraft } from "./training-draft.ts";

/** The body that starts the run. Only for a draft without a problem. */
export function trainingBody(draft: TrainingDraft, { dataset, template, preset, version }: Chosen): Record<string, unknown> {
  const number = (field: NumberField): number | null => numberIn(draft, field);
  return {
    datasetVersionId: dataset?.id,
    ...(draft.start === "template" ? { template: { id: template, preset }, modelName: draft.modelName.trim() } : { versionId: version?.id, ...(draft.modelName.trim() !== "" && { modelName: draft.modelName.trim() }) }),
    runner: draft.runner,
    recipe: { epochs: number("epochs") },
  };
}
