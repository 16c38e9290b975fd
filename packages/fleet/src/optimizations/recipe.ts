import { createHash } from "node:crypto";
import { FleetError } from "@flotilla/protocol";
import { z } from "zod";

const nodeNames = z.array(z.string().min(1).max(1_000)).max(500).default([]);

/** Rewrites without loss only: folding, dead code, fusing of what can be fused. */
const simplify = z.strictObject({ kind: z.literal("simplify") });

/** 8-bit activations and weights with ranges from calibration, as QuantizeLinear/DequantizeLinear pairs. */
const staticInt8 = z.strictObject({
  kind: z.literal("static_int8"),
  activations: z.enum(["uint8", "int8"]).default("uint8"),
  weights: z.enum(["per_channel", "per_tensor"]).default("per_channel"),
  /** Weights in 7 bits: no x86 CPU without VNNI saturates. */
  reducedRange: z.boolean().default(false),
  /** How ranges are taken from what the examples showed; the least squared error keeps most on average. */
  calibration: z.enum(["min_max", "percentile", "mse", "entropy"]).default("mse"),
  equalisation: z.enum(["none", "cross_layer", "smooth_quant"]).default("none"),
  biasCorrection: z.boolean().default(true),
  rounding: z.enum(["nearest", "adaptive"]).default("nearest"),
  /** Nodes that stay in floating point. */
  keepFloat: nodeNames,
});

/** 8-bit weights; activations get their range at each run. Pays for large matrix products only. */
const dynamicInt8 = z.strictObject({
  kind: z.literal("dynamic_int8"),
  /** Weights in 7 bits: no x86 CPU without VNNI saturates. */
  reducedRange: z.boolean().default(false),
  keepFloat: nodeNames,
});

/** Weights stored in 16 bits and widened at load: half of the bytes, the speed of the parent. */
const fp16Storage = z.strictObject({ kind: z.literal("fp16_storage") });

/** Weights of matrix products in blocks of 4 or 8 bits with a scale each. */
const weightBlocks = z.strictObject({
  kind: z.literal("weight_blocks"),
  bits: z.union([z.literal(4), z.literal(8)]).default(8),
  blockSize: z.union([z.literal(16), z.literal(32), z.literal(64), z.literal(128)]).default(32),
  symmetric: z.boolean().default(true),
  /**
   * "least_squares" tries narrower and wider grids for each block; "half_quadratic" fits one that is near most weights (HQQ); "compensated": what
   * one weight loses is made up for in the next ones, so that outputs on the calibration split change least.
   */
  rounding: z.enum(["nearest", "least_squares", "half_quadratic", "compensated"]).default("nearest"),
});

/** Whole channels leave the graph, by their norm, in steps that kernels like. */
const channelPruning = z.strictObject({ kind: z.literal("channel_pruning"), ratio: z.number().min(0.01).max(0.95).default(0.25), roundTo: z.number().int().min(1).max(64).default(8) });

/** Small weights become zero: fewer bytes on the wire, the same time to run. */
const magnitudePruning = z.strictObject({ kind: z.literal("magnitude_pruning"), sparsity: z.number().min(0.05).max(0.99).default(0.5) });

/** int8 where it costs little accuracy, float where it costs much, found by measuring each layer. */
const mixedPrecision = z.strictObject({ kind: z.literal("mixed_precision"), activations: z.enum(["uint8", "int8"]).default("uint8"), reducedRange: z.boolean().default(false) });

const techniqueSchema = z.discriminatedUnion("kind", [simplify, staticInt8, dynamicInt8, fp16Storage, weightBlocks, channelPruning, magnitudePruning, mixedPrecision]);
export type Technique = z.infer<typeof techniqueSchema>;

export const presetNames = ["smallest", "fastest", "safe", "custom"] as const;

/** What an optimization does to its model: each technique makes one candidate. With the bytes of model and dataset it decides every byte of the result. */
export const recipeSchema = z.strictObject({
  preset: z.enum(presetNames).default("custom"),
  techniques: z.array(techniqueSchema).min(1, "a recipe has at least one technique").max(12, "a recipe has at most 12 techniques"),
  /** Examples of the calibration split that ranges are taken from. */
  calibrationSamples: z.number().int().min(1).max(5_000).default(300),
  /** At most so many examples of the test split are evaluated; all when left out. */
  testSamples: z.number().int().min(16).max(1_000_000).optional(),
  seed: z.number().int().min(0).max(2 ** 31 - 1).default(1),
});
export type Recipe = z.infer<typeof recipeSchema>;

/** What a variant must keep to be offered, and what is wanted most. Absent limits do not limit. */
export const goalSchema = z.strictObject({
  objective: z.enum(["size", "latency"]).default("latency"),
  /** In percentage points on the test split: 0.5 lets 98.2 % become 97.7 %. */
  maxAccuracyDropPoints: z.number().min(0).max(100).default(0.5),
  maxSizeBytes: z.number().int().positive().optional(),
  maxLatencyMsP95: z.number().positive().optional(),
  /** Variants must also hold on x86 CPUs without VNNI, by the integer emulator. */
  safeOnEveryCpu: z.boolean().default(false),
});
export type Goal = z.infer<typeof goalSchema>;

/** The recipe or goal with its defaults. `bad_request` naming the field. */
export function parseRecipe(value: unknown): Recipe {
  return parse("recipe", recipeSchema, value);
}
export function parseGoal(value: unknown): Goal {
  return parse("goal", goalSchema, value);
}

function parse<T>(field: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new FleetError("bad_request", { public: `${field}.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}` });
}

/** SHA-256 of the value's JSON with sorted keys: equal recipes have equal names whoever wrote them down. */
export function recipeDigest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(sorted(value))).digest("hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, sorted(member)]));
}
