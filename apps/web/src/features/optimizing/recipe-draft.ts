import type { DatasetVersionView, Goal, Preset, Recipe, Technique, TechniqueInfo } from "@flotilla/fleet";

type PresetName = Preset["name"];

/** What the builder holds: the preset it began with, what was changed since, and limits as typed. */
export type RecipeDraft = {
  preset: PresetName;
  techniques: readonly Technique[];
  calibrationSamples: string; testSamples: string; seed: string;
  objective: Goal["objective"]; maxDropPoints: string; maxSizeMiB: string; maxLatencyMsP95: string; safeOnEveryCpu: boolean;
};

export function draftOfPreset({ name, recipe, goal }: Preset): RecipeDraft {
  return {
    preset: name, techniques: recipe.techniques, calibrationSamples: String(recipe.calibrationSamples), testSamples: recipe.testSamples === undefined ? "" : String(recipe.testSamples), seed: String(recipe.seed),
    objective: goal.objective, maxDropPoints: String(goal.maxAccuracyDropPoints), maxSizeMiB: goal.maxSizeBytes === undefined ? "" : String(goal.maxSizeBytes / 2 ** 20),
    maxLatencyMsP95: goal.maxLatencyMsP95 === undefined ? "" : String(goal.maxLatencyMsP95), safeOnEveryCpu: goal.safeOnEveryCpu,
  };
}

/** Whether the techniques and samples are still those of the preset. */
export function isPreset(draft: RecipeDraft, preset: Preset): boolean {
  const { techniques, calibrationSamples, testSamples, seed } = draftOfPreset(preset);
  return draft.preset === preset.name && JSON.stringify([draft.techniques, draft.calibrationSamples, draft.testSamples, draft.seed]) === JSON.stringify([techniques, calibrationSamples, testSamples, seed]);
}

/** Why it cannot be started; null when it can. */
export function recipeProblem(draft: RecipeDraft, dataset: DatasetVersionView | null, infos: readonly TechniqueInfo[], hasPreprocessing: boolean): string | null {
  if (draft.techniques.length === 0) return "Choose at least one technique.";
  if (draft.techniques.length > 12) return "A recipe has at most 12 techniques.";
  const needy = infos.filter(({ kind, needsCalibration }) => needsCalibration && draft.techniques.some((technique) => technique.kind === kind));
  if (dataset === null && needy[0] !== undefined) return `${needy[0].title} takes ranges from examples: choose a dataset, or take it off.`;
  if (dataset !== null && !hasPreprocessing) return "Say first how an example becomes the model's input, under Preprocessing.";
  if (dataset?.summary != null && needy.length > 0 && dataset.summary.counts.calibration === 0) return "This version has no calibration split.";
  if (!inRange(draft.calibrationSamples, 1, 5_000, true)) return "Calibration takes 1 to 5,000 examples.";
  if (draft.testSamples.trim() !== "" && !inRange(draft.testSamples, 16, 1_000_000, true)) return "At least 16 examples are tested.";
  if (!inRange(draft.seed, 0, 2 ** 31 - 1, true)) return "The seed is a whole number.";
  if (!inRange(draft.maxDropPoints, 0, 100, false)) return "The accuracy that may be lost is between 0 and 100 points.";
  if (draft.maxSizeMiB.trim() !== "" && !inRange(draft.maxSizeMiB, 1e-6, 1e6, false)) return "The largest size is a number of MiB.";
  return draft.maxLatencyMsP95.trim() !== "" && !inRange(draft.maxLatencyMsP95, 1e-6, 1e9, false) ? "The longest time is a number of milliseconds." : null;
}

function inRange(text: string, least: number, most: number, whole: boolean): boolean {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  return value >= least && value <= most && (!whole || Number.isInteger(value));
}

/** The body that starts the job. */
export function optimizeBody(draft: RecipeDraft, input: { versionId: string; datasetVersionId: string | null; preset: Preset }): Record<string, unknown> {
  const goal: Goal = {
    objective: draft.objective, maxAccuracyDropPoints: Number(draft.maxDropPoints), safeOnEveryCpu: draft.safeOnEveryCpu,
    ...(draft.maxSizeMiB.trim() !== "" && { maxSizeBytes: Math.max(1, Math.round(Number(draft.maxSizeMiB) * 2 ** 20)) }),
    ...(draft.maxLatencyMsP95.trim() !== "" && { maxLatencyMsP95: Number(draft.maxLatencyMsP95) }),
  };
  const recipe: Recipe = {
    preset: "custom", techniques: [...draft.techniques], calibrationSamples: Number(draft.calibrationSamples), seed: Number(draft.seed),
    ...(draft.testSamples.trim() !== "" && { testSamples: Number(draft.testSamples) }),
  };
  return {
    kind: "optimize", versionId: input.versionId, goal, ...(input.datasetVersionId !== null && { datasetVersionId: input.datasetVersionId }),
    ...(isPreset(draft, input.preset) ? { preset: input.preset.name } : { recipe }),
  };
}
