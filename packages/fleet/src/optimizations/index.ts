export { finishOptimization } from "./decision-store.ts";
export type { MadeVariant, OptimizationOutcome } from "./decision-store.ts";
export { presets, techniqueInfos, techniqueLabel } from "./presets.ts";
export type { Preset, TechniqueInfo } from "./presets.ts";
export { goalSchema, recipeSchema } from "./recipe.ts";
export type { Goal, Recipe, Technique } from "./recipe.ts";
export { getOptimization, listOptimizations } from "./store.ts";
export { variantTree } from "./variants-store.ts";
export type { OptimizationView, VariantNode, Verdict } from "./types.ts";
