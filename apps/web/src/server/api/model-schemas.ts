import { z } from "@hono/zod-openapi";
import { tensorSpecSchema } from "@flotilla/protocol";
import { preprocessingSchema, type ModelView, type UploadView, type VersionInspection, type VersionUse, type VersionView } from "@flotilla/fleet";

const versionState = z.enum(["validating", "ready", "rejected"]);

export const uploadSchema = z.object({
  uploadId: z.string(), filename: z.string(), sizeBytes: z.number(), sha256: z.string(), partSizeBytes: z.number(), partCount: z.number(),
  state: z.enum(["open", "complete", "failed", "expired"]), failure: z.string().nullable(), receivedParts: z.array(z.number()),
  partUrl: z.string().nullable().openapi({ description: "PUT part n (from 1) to {partUrl}/{n}; valid for 15 minutes, ask for the upload again for a new one" }),
  duplicate: z.boolean().openapi({ description: "The same bytes were here already: nothing needs to be sent" }),
}).openapi("Upload") satisfies z.ZodType<UploadView>;

export const modelSchema = z.object({
  id: z.string(), name: z.string(), description: z.string(), createdAt: z.string(), createdByName: z.string(), versionCount: z.number(),
  newest: z.object({ id: z.string(), number: z.number(), state: versionState }).nullable(),
  aliases: z.array(z.object({ alias: z.string(), versionId: z.string(), number: z.number() })), runningDevices: z.number(),
}).openapi("Model") satisfies z.ZodType<ModelView>;

const inspectionSchema = z.object({
  irVersion: z.number(), producer: z.string(), opsets: z.array(z.object({ domain: z.string(), version: z.number() })),
  inputs: z.array(tensorSpecSchema), outputs: z.array(tensorSpecSchema),
  operators: z.array(z.object({ domain: z.string(), opType: z.string(), count: z.number() })),
  nodeCount: z.number(), parameterCount: z.number(), macs: z.number().nullable(), initializerBytes: z.number(), peakMemoryBytes: z.number(),
  loadMs: z.number(), firstRunMs: z.number(),
  latencyMs: z.object({ p50: z.number(), p90: z.number(), p95: z.number(), p99: z.number(), min: z.number(), max: z.number(), mean: z.number(), n: z.number(), method: z.string() }),
  layers: z.array(z.object({
    name: z.string(), opType: z.string(), provider: z.string(), medianUs: z.number(), sharePercent: z.number(), outputShape: z.array(z.number()).nullable(), parameterBytes: z.number().nullable(),
  })),
  measuredOn: z.object({ cpu: z.string(), arch: z.string(), isa: z.array(z.string()), ortVersion: z.string(), threads: z.number() }),
  origin: z.object({
    format: z.string(), producer: z.string(), fileName: z.string(), sha256: z.string(), sizeBytes: z.number(), normalizesInput: z.boolean(), notes: z.array(z.string()),
  }).optional().openapi({ description: "What was uploaded, where that was not ONNX" }),
}).openapi("VersionInspection") satisfies z.ZodType<VersionInspection>;

export const versionSchema = z.object({
  id: z.string(), modelId: z.string(), modelName: z.string(), number: z.number(), state: versionState, rejectCode: z.string().nullable(), rejectReason: z.string().nullable(),
  source: z.string(), parentId: z.string().nullable(), importJobId: z.string().nullable(), sizeBytes: z.number(), notes: z.string(),
  createdAt: z.string(), createdByName: z.string(), decidedAt: z.string().nullable(),
  files: z.array(z.object({ name: z.string(), role: z.enum(["model", "external_data"]), sha256: z.string(), sizeBytes: z.number() })),
  aliases: z.array(z.string()), inspection: inspectionSchema.nullable(),
  optimizationId: z.string().nullable(), trainingId: z.string().nullable(), variantKind: z.string().nullable(), variantLabel: z.string().nullable(), recipeSha256: z.string().nullable(),
  offered: z.boolean().openapi({ description: "False: kept for its numbers, not to be built" }), notOfferedReason: z.string().nullable(), preprocessing: preprocessingSchema.nullable(),
}).openapi("ModelVersion") satisfies z.ZodType<VersionView>;

export const versionUseSchema = z.object({
  builds: z.array(z.object({ id: z.string(), name: z.string() })),
  devicesByClass: z.array(z.object({ className: z.string(), devices: z.number() })), runningDevices: z.number(),
}).openapi("VersionUse") satisfies z.ZodType<VersionUse>;
