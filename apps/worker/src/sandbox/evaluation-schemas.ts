import { z } from "zod";

// As child-schemas.ts: claims of a child that a hostile model may have taken over. Counts must fit each other, so that no share is above 1.

const count = z.number().int().nonnegative();
const base64 = z.base64().max(16 * 1024 * 1024).nullable();

/** A `Recorded` (examples/outcome-recorder.ts). */
export const recordedSchema = z
  .object({
    n: count, labelled: count, correct: count, correctTop5: count,
    classes: z.array(z.object({ index: count, n: count, correct: count }).refine((own) => own.correct <= own.n)).max(1_000),
    confusions: z.array(z.object({ actual: count, predicted: count, count })).max(200),
    predictedBase64: base64, correctBase64: base64,
  })
  .refine(({ n, labelled, correct, correctTop5 }) => labelled <= n && correct <= correctTop5 && correctTop5 <= labelled, "the counts do not fit each other")
  .refine(({ n, predictedBase64, correctBase64 }) => {
    if (predictedBase64 === null || correctBase64 === null) return predictedBase64 === correctBase64;
    return Buffer.from(predictedBase64, "base64").length === 2 * n && Buffer.from(correctBase64, "base64").length === Math.ceil(n / 8);
  }, "there are not as many outcomes as examples");

const text = z.string().max(4_000);

/** A `MakeCandidateOutput` (make-candidate.ts). */
export const makeCandidateOutputSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("made"),
    passes: z.array(z.object({ name: text, title: text, changes: count, effect: text })).max(1_000),
    fusion: z
      .object({
        integerNodes: count, floatNodes: z.array(z.object({ name: text, opType: text, reason: text })).max(5_000), conversionNodes: count,
        integerTimeShare: z.number().min(0).max(1).nullable(), method: text,
      })
      .nullable(),
    warnings: z.array(text).max(200),
    saturation: z.object({ bound: z.object({ saturatedNodes: count, agreement: z.null(), accuracy: z.null(), sentence: text, method: text }), isEmulated: z.boolean() }).optional(),
  }),
  z.object({ kind: z.literal("refused"), reason: text }),
]);

const latencySchema = z.object({ p50: z.number(), p90: z.number(), p95: z.number(), p99: z.number(), min: z.number(), max: z.number(), mean: z.number(), n: count, method: text });
const sizeSchema = z.object({ bytes: count, compressedBytes: count });

/** A `JudgeOutput` (judge-candidate.ts). */
export const judgeOutputSchema = z.object({
  parentSize: sizeSchema, candidateSize: sizeSchema,
  agreement: z.object({ n: count, top1: z.number().min(0).max(1).nullable(), cosine: z.number().nullable(), maxAbsError: z.number().nullable(), isOfRealInputs: z.boolean() }),
  outcomes: z.object({ parent: recordedSchema, candidate: recordedSchema }).nullable(),
  parentMs: latencySchema, candidateMs: latencySchema,
  ratio: z.object({ median: z.number().positive(), low: z.number().positive(), high: z.number().positive(), pairs: count }),
  facts: z.object({ ortVersion: z.string().max(64), arch: z.string().max(32), isa: z.array(z.string().max(32)).max(64), cpuModel: z.string().max(256), nodeVersion: z.string().max(64) }),
});
export type ParsedJudgement = z.infer<typeof judgeOutputSchema>;

const share = z.number().min(0).max(1);
const proportionSchema = z.object({ value: share, low: share, high: share, n: count }).nullable();

/** A `PredictSaturationOutput` (predict-saturation.ts). */
export const saturationOutputSchema = z.object({
  n: count, layers: count, saturatedLayers: count, examplesAffected: count, exactBy: z.string().max(64), identicalHere: count.nullable(),
  agreement: proportionSchema, accuracy: proportionSchema,
});
export type ParsedSaturation = z.infer<typeof saturationOutputSchema>;
