import { z } from "zod";

const envSchema = z.object({
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal"]).default("info"),
  /** The program ends when this process is gone, so that no orphan stays. */
  FLOTILLA_PARENT_PID: z.coerce.number().int().positive().optional(),
});
export type Env = z.infer<typeof envSchema>;

/** The environment of this program. Throws with all that is wrong with it. */
export function readEnv(): Env {
  const parsed = envSchema.safeParse(process.env);
  if (!parsed.success) throw new Error(`environment: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
