import { z } from "@hono/zod-openapi";
import { datasetOptionsSchema, preprocessingSchema, trainingRecipeSchema, type RunnerAnswer } from "@flotilla/fleet";
import { summarySchema } from "./dataset-schemas.ts";
import { jobStateSchema } from "./job-schemas.ts";

const linkedFile = z.object({ name: z.string(), sha256: z.string(), sizeBytes: z.number(), url: z.string().openapi({ description: "GET gives the bytes, for six hours; ranges are answered" }) });

export const runnerTaskSchema = z.object({
  jobId: z.string(), leaseToken: z.string().openapi({ description: "Goes along with every later call" }), leaseMs: z.number(), attempt: z.number(),
  training: z.object({ id: z.string(), name: z.string(), script: z.string(), parameters: z.record(z.string(), z.unknown()), recipe: trainingRecipeSchema }),
  dataset: z.object({ versionId: z.string(), name: z.string(), number: z.number(), options: datasetOptionsSchema, summary: summarySchema, files: z.array(linkedFile) }),
  parent: z.object({ versionId: z.string(), preprocessing: preprocessingSchema.nullable(), files: z.array(linkedFile) }).nullable(),
}).openapi("RunnerTask");

export const runnerAnswerSchema = z.object({
  state: jobStateSchema.openapi({ description: "Anything but running: the job has ended, stop" }), leaseMs: z.number(),
  stopRequested: z.boolean().openapi({ description: "Finish now with the best so far" }),
}).openapi("RunnerAnswer") satisfies z.ZodType<RunnerAnswer>;

const leaseToken = z.string().min(1).max(64);
const count = z.number().int().min(0).max(2 ** 31 - 1);
const best = z.strictObject({ epoch: count, metric: z.string().min(1).max(100), value: z.number() });
export const leased = z.strictObject({ leaseToken });

export const heartbeatBody = leased.extend({
  progress: z.number().min(0).max(1).optional(), progressText: z.string().max(200).optional(),
  reached: z.strictObject({ epoch: count, step: count, stepsPerEpoch: count, best: best.nullable() }).optional(),
});
export const metricsBody = leased.extend({ points: z.array(z.strictObject({ name: z.string().min(1).max(100), step: count, value: z.number() })).max(1_000) });
export const logsBody = leased.extend({ lines: z.array(z.strictObject({ level: z.enum(["info", "warn", "error"]).default("info"), text: z.string().max(4_000) })).max(500) });
export const runnerUploadBody = leased.extend({ filename: z.string().min(1).max(255), sizeBytes: z.number().int().positive(), sha256: z.string().regex(/^[0-9a-fA-F]{64}$/, "must have 64 hex digits") });

const trained = z.strictObject({
  uploadId: z.string().min(1).max(64), preprocessing: preprocessingSchema.optional(),
  toolVersions: z.record(z.string().min(1).max(60), z.string().max(100)).default({}).openapi({ description: "What made it: frameworks, the script's commit" }),
  stoppedBy: z.enum(["epochs", "minutes", "early_stopping", "person"]).default("epochs"), epochs: count, steps: count.default(0), best: best.nullable().default(null),
});
export const finishBody = leased.extend({ model: trained.optional(), failure: z.string().trim().min(1).max(2_000).optional().openapi({ description: "Why there is no model" }) })
  .refine(({ model, failure }) => (model === undefined) !== (failure === undefined), "give either a model or a failure");
