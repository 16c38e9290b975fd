import { z } from "@hono/zod-openapi";
import { preprocessingSchema, trainingRecipeSchema, type FittingTemplate, type TrainingView } from "@flotilla/fleet";

const best = z.object({ epoch: z.number(), metric: z.string(), value: z.number() });

const outsideStart = z.object({ kind: z.literal("outside"), title: z.string(), versionId: z.string().nullable(), parameters: z.record(z.string(), z.unknown()) });

export const trainingViewSchema = z.object({
  id: z.string(), jobId: z.string(), name: z.string(), state: z.enum(["queued", "running", "succeeded", "failed", "cancelled", "quarantined"]), attempt: z.number(), cause: z.string().nullable(), causeCode: z.string().nullable(),
  stopRequested: z.boolean(), cancelRequested: z.boolean(), queuedBefore: z.number().nullable(),
  stoppedBy: z.enum(["epochs", "minutes", "early_stopping", "person"]).nullable(),
  datasetId: z.string(), datasetVersionId: z.string(), datasetName: z.string(), datasetNumber: z.number(),
  start: z.discriminatedUnion("kind", [z.object({ kind: z.literal("template"), template: z.string(), preset: z.string(), title: z.string() }), z.object({ kind: z.literal("version"), versionId: z.string(), name: z.string() }), outsideStart]),
  recipe: trainingRecipeSchema, recipeSha256: z.string(), codeVersion: z.string(),
  teacher: z.object({ versionId: z.string(), name: z.string() }).nullable().openapi({ description: "The version that it learns from as well" }),
  epoch: z.number().nullable(), stepsPerEpoch: z.number().nullable(), ranMs: z.number().nullable(), leftMs: z.number().nullable(), progress: z.number().nullable(),
  best: best.nullable(),
  result: z.object({ modelId: z.string(), modelName: z.string(), versionId: z.string(), number: z.number() }).nullable(),
  confusion: z.object({ split: z.string(), classes: z.array(z.string()), counts: z.array(z.array(z.number())).openapi({ description: "Row: the class it is; column: the class it was taken for" }) }).nullable(),
  worst: z.array(z.object({ index: z.number(), truth: z.string(), answer: z.string(), confidence: z.number(), loss: z.number(), image: z.string().nullable() })),
  createdAt: z.string(), createdByName: z.string(), startedAt: z.string().nullable(), finishedAt: z.string().nullable(),
}).openapi("Training") satisfies z.ZodType<TrainingView>;

export const fittingTemplateSchema = z.object({
  id: z.string(), title: z.string(), description: z.string(), suits: z.enum(["images", "table", "audio", "series"]),
  presets: z.array(z.object({ id: z.string(), title: z.string(), parameters: z.number(), macs: z.number() })),
  input: z.array(z.number()), answers: z.number(), isClassifier: z.boolean(), preprocessing: preprocessingSchema,
}).openapi("TrainingTemplate") satisfies z.ZodType<FittingTemplate>;
