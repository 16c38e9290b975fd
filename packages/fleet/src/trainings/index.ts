export { finishTraining, isStopRequested, noteTrainingProgress, trainingOf } from "./decision-store.ts";
export type { PendingTraining } from "./decision-store.ts";
export { trainingRecipeSchema } from "./recipe.ts";
export type { TrainingRecipe } from "./recipe.ts";
export { createTraining, fittingTemplates, stopTraining } from "./store.ts";
export type { DeliveredModel, FittingTemplate, TrainingOutcome, TrainingProgress, TrainingStart, TrainingView } from "./types.ts";
export { getTraining, listTrainings } from "./view-store.ts";
