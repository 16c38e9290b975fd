import { z } from "@hono/zod-openapi";
import { datasetOptionsSchema, type DatasetPreview, type DatasetSummary, type DatasetVersionView, type DatasetView } from "@flotilla/fleet";

const versionState = z.enum(["importing", "ready", "rejected"]);
export const splitSchema = z.enum(["train", "calibration", "validation", "test"]);
const counts = z.object({ train: z.number(), calibration: z.number(), validation: z.number(), test: z.number() });
const perClass = z.object({ train: z.array(z.number()), calibration: z.array(z.number()), validation: z.array(z.number()), test: z.array(z.number()) });
const kind = z.enum(["image", "tensor", "table", "audio"]);
const task = z.enum(["classification", "regression", "unlabelled"]);
const fileSchema = z.object({ name: z.string(), sha256: z.string(), sizeBytes: z.number() });

export const datasetSchema = z.object({
  id: z.string(), name: z.string(), description: z.string(), createdAt: z.string(), createdByName: z.string(), versionCount: z.number(),
  newest: z.object({ id: z.string(), number: z.number(), state: versionState, kind: kind.nullable(), task: task.nullable(), counts: counts.nullable(), classCount: z.number().nullable() }).nullable(),
}).openapi("Dataset") satisfies z.ZodType<DatasetView>;

export const summarySchema = z.object({
  kind, elementType: z.string(), shape: z.array(z.number().nullable()), task, classes: z.array(z.string()), features: z.array(z.string()).nullable(),
  sampleRateHz: z.number().nullable(), counts, classCounts: perClass.openapi({ description: "By class index" }),
  duplicates: z.object({ examples: z.number(), droppedAcrossSplits: z.number(), conflictingLabels: z.number() }),
  splitting: z.object({ method: z.string(), seed: z.number(), fractions: counts, groupedBy: z.string().nullable() }),
  source: z.object({ format: z.string(), files: z.array(fileSchema) }),
  warnings: z.array(z.object({ code: z.string(), count: z.number(), sentence: z.string(), places: z.array(z.string()) })),
  statistics: z.object({ examples: z.number(), min: z.array(z.number()), max: z.array(z.number()), mean: z.array(z.number()), std: z.array(z.number()) }).nullable()
    .openapi({ description: "Over the training split: per colour channel (0 to 255), per column, or one for all numbers" }),
}).openapi("DatasetSummary") satisfies z.ZodType<DatasetSummary>;

const previewSchema = z.object({
  sheets: z.array(z.object({
    split: splitSchema, image: z.string().openapi({ description: "Data URL of a contact sheet: a row per class" }), width: z.number(), height: z.number(), cellSide: z.number(), gap: z.number(),
    rows: z.array(z.object({ className: z.string().nullable(), cells: z.array(z.object({ index: z.number(), id: z.string() })) })),
  })),
  values: z.array(z.object({ name: z.string(), min: z.number(), max: z.number(), mean: z.number(), std: z.number(), histogram: z.array(z.number()) })),
}).openapi("DatasetPreview") satisfies z.ZodType<DatasetPreview>;

export const datasetVersionSchema = z.object({
  id: z.string(), datasetId: z.string(), datasetName: z.string(), number: z.number(), state: versionState,
  rejectCode: z.string().nullable(), rejectReason: z.string().nullable(), options: datasetOptionsSchema,
  sizeBytes: z.number(), summary: summarySchema.nullable(), artifactSha256: z.string().nullable(), artifactBytes: z.number().nullable(),
  importJobId: z.string().nullable(), createdAt: z.string(), createdByName: z.string(), decidedAt: z.string().nullable(), files: z.array(fileSchema),
}).openapi("DatasetVersion") satisfies z.ZodType<DatasetVersionView>;

export const previewedDatasetVersionSchema = datasetVersionSchema.extend({ preview: previewSchema.nullable() }).openapi("PreviewedDatasetVersion");
