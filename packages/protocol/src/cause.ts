import { z } from "zod";

/** Why something is in the state it is in. Every number that led there is kept with it. */
export const causeSchema = z.object({
  /** Stable, e.g. "failure_rate", "operator", "silence". */
  code: z.string(),
  /** What a person reads. */
  sentence: z.string(),
  actor: z.string(),
  at: z.string(),
  value: z.number().optional(),
  limit: z.number().optional(),
  unit: z.string().optional(),
  sampleCount: z.number().int().optional(),
  wave: z.number().int().optional(),
  reason: z.string().optional(),
});
export type Cause = z.infer<typeof causeSchema>;
