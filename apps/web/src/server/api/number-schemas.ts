import { z } from "@hono/zod-openapi";
import type { CompareView, EvaluationView, MeasurementView, PairedDifference, Share, VariantReport, VersionReportView } from "@flotilla/fleet";
import { splitSchema } from "./dataset-schemas.ts";

const ci95 = z.tuple([z.number(), z.number()]);
const shareSchema = z.object({ value: z.number().openapi({ description: "0 to 1" }), n: z.number(), ci95, method: z.string() }).openapi("Share") satisfies z.ZodType<Share>;

export const pairedDifferenceSchema = z.object({
  n: z.number(), value: z.number().openapi({ description: "As a share: -0.005 is half a point less" }), ci95, gained: z.number(), lost: z.number(), pValue: z.number(), agreement: z.number(),
  worstClass: z.object({ index: z.number(), name: z.string(), n: z.number(), value: z.number() }).nullable(), method: z.string(),
}).openapi("PairedDifference") satisfies z.ZodType<PairedDifference>;

const latencySchema = z.object({ p50: z.number(), p90: z.number(), p95: z.number(), p99: z.number(), min: z.number(), max: z.number(), mean: z.number(), n: z.number(), method: z.string() });
const machineSchema = z.object({ cpu: z.string(), arch: z.string(), isa: z.array(z.string()), ortVersion: z.string(), threads: z.number() });
const modeSchema = z.enum(["back_to_back", "scheduled", "interleaved"]);

const evaluationSchema = z.object({
  versionId: z.string(), datasetVersionId: z.string(), datasetId: z.string(), datasetName: z.string(), datasetNumber: z.number(), jobId: z.string(), at: z.string(),
  numbers: z.object({
    split: splitSchema, n: z.number(), top1: shareSchema.nullable(), top5: shareSchema.nullable(),
    classes: z.array(z.object({ index: z.number(), name: z.string(), n: z.number(), correct: z.number() })),
    confusions: z.array(z.object({ actual: z.number(), predicted: z.number(), count: z.number() })), method: z.string(),
  }),
}).openapi("Evaluation") satisfies z.ZodType<EvaluationView>;

const measurementSchema = z.object({
  versionId: z.string(), mode: modeSchema, machineId: z.string().openapi({ description: "Only times with the same id compare" }), jobId: z.string(), at: z.string(),
  numbers: z.object({
    latencyMs: latencySchema, loadMs: z.number().nullable(), firstRunMs: z.number().nullable(), peakMemoryBytes: z.number().nullable(), machine: machineSchema,
    speedUp: z.object({ baselineVersionId: z.string(), ratio: z.number(), ci95, rounds: z.number(), method: z.string() }).nullable(),
  }),
}).openapi("Measurement") satisfies z.ZodType<MeasurementView>;

const variantReportSchema = z.object({
  size: z.object({ bytes: z.number(), compressedBytes: z.number(), parentBytes: z.number(), parentCompressedBytes: z.number(), method: z.string() }),
  agreement: z.object({ n: z.number(), top1: z.number().nullable(), cosine: z.number().nullable(), maxAbsError: z.number().nullable(), method: z.string() }).nullable(),
  passes: z.array(z.object({ name: z.string(), title: z.string(), changes: z.number(), effect: z.string() })),
  fusion: z.object({
    integerNodes: z.number(), floatNodes: z.array(z.object({ name: z.string(), opType: z.string(), reason: z.string() })), conversionNodes: z.number(), integerTimeShare: z.number().nullable(), method: z.string(),
  }).nullable(),
  saturation: z.object({ saturatedNodes: z.number(), agreement: shareSchema.nullable(), accuracy: shareSchema.nullable(), sentence: z.string(), method: z.string() }).nullable(),
  warnings: z.array(z.string()),
}).openapi("VariantReport") satisfies z.ZodType<VariantReport>;

export const versionReportSchema = z.object({
  versionId: z.string(), modelId: z.string(), number: z.number(), parentId: z.string().nullable(), optimizationId: z.string().nullable(), label: z.string().nullable(), kind: z.string().nullable(),
  offered: z.boolean(), notOfferedReason: z.string().nullable(), recipe: z.unknown(), recipeSha256: z.string().nullable(), toolVersions: z.record(z.string(), z.string()).nullable(), sizeBytes: z.number(),
  evaluations: z.array(evaluationSchema), againstParent: z.array(pairedDifferenceSchema.extend({ datasetVersionId: z.string(), split: z.string() })),
  measurements: z.array(measurementSchema), variant: variantReportSchema.nullable(),
}).openapi("VersionReport") satisfies z.ZodType<VersionReportView>;

export const compareSchema = z.object({
  baselineId: z.string(),
  accuracyOn: z.object({ datasetVersionId: z.string(), datasetId: z.string(), datasetName: z.string(), datasetNumber: z.number(), split: z.string() }).nullable(),
  latencyOn: z.object({ mode: modeSchema, machine: machineSchema, method: z.string() }).nullable(), latencyWhyNot: z.string().nullable(),
  versions: z.array(z.object({
    id: z.string(), modelId: z.string(), modelName: z.string(), number: z.number(), label: z.string().nullable(), kind: z.string().nullable(), offered: z.boolean(), notOfferedReason: z.string().nullable(),
    sizeBytes: z.number(), compressedBytes: z.number().nullable(), parameterCount: z.number().nullable(), macs: z.number().nullable(), nodeCount: z.number().nullable(),
    accuracy: shareSchema.nullable(), latencyMs: latencySchema.nullable(),
    comparableMs: z.number().nullable().openapi({ description: "The median to compare by: the baseline's times the ratio where both ran in turns, its own otherwise" }),
    peakMemoryBytes: z.number().nullable(), loadMs: z.number().nullable(), integerTimeShare: z.number().nullable(),
    isOnFront: z.boolean().nullable().openapi({ description: "No other is at least as good in size, latency and accuracy and better in one; null while a number is missing" }),
    delta: z.object({ sizeRatio: z.number(), latencyRatio: z.number().nullable(), latencyRatioCi95: ci95.nullable().openapi({ description: "Only where both ran in turns" }), memoryRatio: z.number().nullable(), accuracy: pairedDifferenceSchema.nullable() }).nullable()
      .openapi({ description: "Against the baseline: ratios are version ÷ baseline" }),
  })),
  classes: z.array(z.object({ index: z.number(), name: z.string(), n: z.number(), correct: z.array(z.number().nullable()) })),
}).openapi("Comparison") satisfies z.ZodType<CompareView>;
