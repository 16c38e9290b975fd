import type { z } from "zod";
import { parseGoal, parseRecipe, type Goal, type goalSchema, type Recipe, type recipeSchema, type Technique } from "./recipe.ts";

export type Preset = {
  name: "smallest" | "fastest" | "safe";
  title: string;
  /** For whom it is, as a sentence. */
  description: string;
  recipe: Recipe;
  goal: Goal;
};

function preset(name: Preset["name"], title: string, description: string, recipe: Omit<z.input<typeof recipeSchema>, "preset">, goal: z.input<typeof goalSchema>): Preset {
  return { name, title, description, recipe: parseRecipe({ preset: name, ...recipe }), goal: parseGoal(goal) };
}

/** Recipes that need no knowledge of quantisation. */
export const presets: readonly Preset[] = [
  preset(
    "smallest",
    "Smallest within 0.5 points",
    "The fewest bytes on device and wire that cost at most 0.5 points of accuracy on the test split.",
    { techniques: [{ kind: "static_int8" }, { kind: "mixed_precision" }, { kind: "weight_blocks", bits: 4, rounding: "least_squares" }, { kind: "weight_blocks", bits: 8 }, { kind: "fp16_storage" }] },
    { objective: "size", maxAccuracyDropPoints: 0.5 },
  ),
  preset(
    "fastest",
    "Fastest on this class",
    "The shortest time for one run on the processor that measures, at most 1 point below the parent.",
    { techniques: [{ kind: "simplify" }, { kind: "static_int8" }, { kind: "static_int8", activations: "int8" }, { kind: "dynamic_int8", reducedRange: true }, { kind: "mixed_precision" }] },
    { objective: "latency", maxAccuracyDropPoints: 1 },
  ),
  preset(
    "safe",
    "Safe on every CPU",
    "Only what gives the same results on x86 processors with and without VNNI: nothing saturates.",
    { techniques: [{ kind: "simplify" }, { kind: "static_int8", reducedRange: true }, { kind: "mixed_precision", reducedRange: true }, { kind: "dynamic_int8", reducedRange: true }, { kind: "fp16_storage" }] },
    { objective: "size", maxAccuracyDropPoints: 0.5, safeOnEveryCpu: true },
  ),
];

export type TechniqueInfo = {
  kind: Technique["kind"];
  title: string;
  /** What it does and when it pays, as a sentence. */
  description: string;
  needsCalibration: boolean;
  /** "rounding": equal but for the last digits; "lossy": to be judged by its accuracy. */
  exactness: "rounding" | "lossy";
};

/** All techniques in words, for the recipe builder. */
export const techniqueInfos: readonly TechniqueInfo[] = [
  { kind: "simplify", title: "Simplify", description: "Folds constants, batch norms and dead code; the results stay equal.", needsCalibration: false, exactness: "rounding" },
  { kind: "static_int8", title: "Static int8", description: "8-bit weights and activations with ranges from calibration: a quarter of the bytes, and integer kernels where the CPU has them.", needsCalibration: true, exactness: "lossy" },
  { kind: "dynamic_int8", title: "Dynamic int8", description: "8-bit weights; activations are ranged at each run. Pays where large matrix products dominate.", needsCalibration: false, exactness: "lossy" },
  { kind: "fp16_storage", title: "fp16 storage", description: "Weights in 16 bits on disk, 32 at run time: half of the bytes, the speed of the parent.", needsCalibration: false, exactness: "lossy" },
  { kind: "weight_blocks", title: "Block weights", description: "Weights of matrix products in blocks of 4 or 8 bits with a scale each.", needsCalibration: false, exactness: "lossy" },
  { kind: "channel_pruning", title: "Channel pruning", description: "Takes out the channels that are missed least on the calibration split, or without one those with the smallest weights; the graph becomes narrower and quicker.", needsCalibration: false, exactness: "lossy" },
  { kind: "magnitude_pruning", title: "Magnitude pruning", description: "Zeroes small weights: smaller to send, as quick as before.", needsCalibration: false, exactness: "lossy" },
  { kind: "mixed_precision", title: "Mixed precision", description: "int8 where it costs little, float where it costs much, found by measuring each layer on the calibration split.", needsCalibration: true, exactness: "lossy" },
];

/** Nothing for rounding to the nearest, and for recipes from before there was a choice. */
const BLOCK_ROUNDINGS: Readonly<Record<string, string>> = { least_squares: ", least squares", half_quadratic: ", half-quadratic", compensated: ", compensated" };

/** What a variant is called among its siblings. */
export function techniqueLabel(technique: Technique): string {
  switch (technique.kind) {
    case "simplify": return "simplified";
    case "static_int8": {
      const types = technique.activations === "uint8" ? "U8S8" : "S8S8";
      const extras = [technique.reducedRange ? "7-bit weights" : null, technique.calibration === "mse" ? null : technique.calibration, technique.equalisation === "none" ? null : technique.equalisation, technique.rounding === "adaptive" ? "adaptive rounding" : null];
      return ["int8 static", types, technique.weights === "per_channel" ? "per channel" : "per tensor", ...extras].filter((part) => part !== null).join(", ").replaceAll("_", " ");
    }
    case "dynamic_int8": return technique.reducedRange ? "int8 dynamic, 7-bit weights" : "int8 dynamic";
    case "fp16_storage": return "fp16 storage";
    case "weight_blocks": return `int${technique.bits} weights, blocks of ${technique.blockSize}${BLOCK_ROUNDINGS[technique.rounding] ?? ""}`;
    case "channel_pruning": return `${Math.round(technique.ratio * 100)} % of channels pruned`;
    case "magnitude_pruning": return `${Math.round(technique.sparsity * 100)} % sparse`;
    case "mixed_precision": return technique.reducedRange ? "mixed precision, 7-bit weights" : "mixed precision";
  }
}
