import { z } from "zod";

/** What the probe child is given. Paths, not bytes: it reads what the device would run. */
export type ProbeInput = {
  readonly modelPath: string;
  readonly goldenPath: string;
  readonly intraOpThreads: number;
  readonly executionProviders: readonly string[];
  readonly relativeTolerance: number;
  readonly absoluteTolerance: number;
};

/** What it says; parsed, since it ran an uploaded model. */
export const probeResultSchema = z.object({
  ok: z.boolean(),
  loadMs: z.number().nonnegative(),
  maxAbsError: z.number().nonnegative(),
  comparedValues: z.number().int().nonnegative(),
  firstFailure: z.string().nullable(),
});
export type ProbeResult = z.infer<typeof probeResultSchema>;
