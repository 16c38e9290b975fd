import { z } from "@hono/zod-openapi";
import { goalSchema, recipeSchema, type OptimizationView, type Preset, type TechniqueInfo, type VariantNode } from "@flotilla/fleet";

const toolVersions = z.record(z.string(), z.string()).nullable();
const techniqueKind = z.enum(["simplify", "static_int8", "dynamic_int8", "fp16_storage", "weight_blocks", "channel_pruning", "magnitude_pruning", "mixed_precision"]);

export const optimizationSchema = z.object({
  id: z.string(), state: z.enum(["pending", "finished", "failed"]), failure: z.string().nullable(),
  versionId: z.string(), versionName: z.string(), datasetVersionId: z.string().nullable(), datasetVersionName: z.string().nullable(),
  recipe: recipeSchema, recipeSha256: z.string(), goal: goalSchema,
  sentence: z.string().nullable().openapi({ description: "What came of it, also when that is that nothing helps" }),
  toolVersions, jobId: z.string().nullable(), createdAt: z.string(), createdByName: z.string(), finishedAt: z.string().nullable(),
  results: z.array(z.object({
    position: z.number(), kind: z.string(), label: z.string(), verdict: z.enum(["helps", "no_help", "refused"]), sentence: z.string(), versionId: z.string().nullable(), versionNumber: z.number().nullable(),
  })),
}).openapi("Optimization") satisfies z.ZodType<OptimizationView>;

export const variantNodeSchema = z.object({
  id: z.string(), parentId: z.string().nullable(), modelId: z.string(), number: z.number(), state: z.enum(["validating", "ready", "rejected"]),
  label: z.string().nullable(), kind: z.string().nullable(), offered: z.boolean(), notOfferedReason: z.string().nullable(), optimizationId: z.string().nullable(),
  sizeBytes: z.number(), latencyMsP50: z.number().nullable(), createdAt: z.string(),
}).openapi("VariantNode") satisfies z.ZodType<VariantNode>;

export const recipeBookSchema = z.object({
  presets: z.array(z.object({ name: z.enum(["smallest", "fastest", "safe"]), title: z.string(), description: z.string(), recipe: recipeSchema, goal: goalSchema }) satisfies z.ZodType<Preset>),
  techniques: z.array(z.object({
    kind: techniqueKind, title: z.string(), description: z.string(), needsCalibration: z.boolean(), exactness: z.enum(["rounding", "lossy"]),
  }) satisfies z.ZodType<TechniqueInfo>),
}).openapi("RecipeBook");
