import { z } from "zod";

const best = z.object({ epoch: z.number(), metric: z.string(), value: z.number() }).nullable();
const point = z.object({ name: z.string().max(100), step: z.number().int().nonnegative(), value: z.number() });

/** A kept epoch. */
const checkpointSchema = z.object({ path: z.string(), epoch: z.number().int(), step: z.number().int(), best });

/** What a training child tells on its way. */
export const trainModelStepSchema = z.union([z.object({ points: z.array(point).max(1_000) }), z.object({ checkpoint: checkpointSchema }), z.object({ line: z.string().max(4_000) })]);
export type ToldCheckpoint = z.infer<typeof checkpointSchema>;

const validation = z.object({
  n: z.number(), loss: z.number(), accuracy: z.number().nullable(), confusion: z.array(z.array(z.number()).max(10_000)).max(10_000).nullable(),
  worst: z.array(z.object({ index: z.number(), label: z.number().nullable(), answer: z.number(), confidence: z.number(), loss: z.number(), image: z.string().max(20_000).startsWith("data:image/webp;base64,").nullable() })).max(100),
}).nullable();

/** A `ValidateOutput` (validate-model.ts). */
export const validateOutputSchema = z.object({ validation });

/** What a training child answers. */
export const trainModelOutputSchema = z.object({
  modelPath: z.string(), epochs: z.number(), steps: z.number(), ranMs: z.number(), parameters: z.number(),
  stoppedBy: z.enum(["epochs", "minutes", "early_stopping", "person"]),
  best,
  validation,
});
