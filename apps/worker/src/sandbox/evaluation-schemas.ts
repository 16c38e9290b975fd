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
