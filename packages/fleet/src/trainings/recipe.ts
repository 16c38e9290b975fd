import { createHash } from "node:crypto";
import { FleetError } from "@flotilla/protocol";
import { z } from "zod";

const share = z.number().min(0).max(1).default(0);

/** How examples are changed each time they are seen. Shares are of the side or of the range of values. */
const augmentation = z.strictObject({
  shift: z.number().min(0).max(0.5).default(0),
  rotateDegrees: z.number().min(0).max(180).default(0),
  scale: z.number().min(0).max(0.9).default(0),
  flip: z.boolean().default(false),
  /** So many pixels are put around an image, and one of its old size is cut out anywhere. */
  cropPixels: z.number().int().min(0).max(64).default(0),
  brightness: share, contrast: share, noise: share,
  /** α of the Beta distribution that pairs are blended by. */
  mixup: z.number().min(0).max(1).default(0),
});

/** Everything that decides a training beside the bytes of model, teacher and examples. The trainer's recipe has the same fields; what is frozen comes from the start. */
export const trainingRecipeSchema = z.strictObject({
  loss: z.enum(["cross_entropy", "binary_cross_entropy", "mean_squared_error", "mean_absolute_error", "huber", "triplet"]).default("cross_entropy"),
  /** Another version that is learnt from: how flat the answers of both are made, and the share that the labels have of the loss. */
  distillation: z.strictObject({
    teacherVersionId: z.string().min(1).max(64),
    temperature: z.number().min(0.5).max(20).default(2),
    hardShare: z.number().min(0).max(1).default(0.3),
  }).optional(),
  /** Weights and activations are rounded while it is trained, and the result computes in integers. */
  quantization: z.strictObject({ weightBits: z.union([z.literal(8), z.literal(4)]).default(8), perChannel: z.boolean().default(true) }).optional(),
  labelSmoothing: z.number().min(0).max(0.5).default(0),
  classWeights: z.enum(["none", "balanced"]).default("none"),
  optimizer: z.strictObject({
    kind: z.enum(["adam", "adamw", "sgd"]).default("adam"),
    learningRate: z.number().positive().max(10).default(0.001),
    weightDecay: z.number().min(0).max(1).default(0),
    momentum: z.number().min(0).max(0.9999).default(0.9),
    nesterov: z.boolean().default(false),
  }).prefault({}),
  schedule: z.strictObject({ kind: z.enum(["constant", "step", "cosine"]).default("cosine"), warmupEpochs: z.number().min(0).max(1_000).default(0) }).prefault({}),
  batchSize: z.number().int().min(1).max(4_096).default(32),
  accumulation: z.number().int().min(1).max(1_024).default(1),
  budget: z.strictObject({ epochs: z.number().int().min(1).max(10_000).nullable().default(null), minutes: z.number().min(0.1).max(10_080).nullable().default(null) })
    .refine(({ epochs, minutes }) => epochs !== null || minutes !== null, "say how many epochs or minutes it may take").prefault({ epochs: 10 }),
  clipNorm: z.number().positive().nullable().default(null),
  emaDecay: z.number().min(0.5).max(0.99999).nullable().default(null),
  patienceEpochs: z.number().int().min(1).max(1_000).nullable().default(5),
  augmentation: augmentation.prefault({}),
  seed: z.number().int().min(0).max(2 ** 31 - 1).default(1),
});
export type TrainingRecipe = z.infer<typeof trainingRecipeSchema>;

/** The recipe with its defaults. `bad_request` naming the field. */
export function parseTrainingRecipe(value: unknown): TrainingRecipe {
  const parsed = trainingRecipeSchema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new FleetError("bad_request", { public: `recipe.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}` });
}

/** Names everything that decides the weights beside the examples' bytes. Fields are in the schema's order. */
export function trainingDigest(parts: unknown): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
