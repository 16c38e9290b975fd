import { artifactStoreSettings } from "@flotilla/fleet";
import { z } from "zod";

const wholeNumber = (fallback: number, min: number, max: number) => z.coerce.number().int().min(min).max(max).default(fallback);

const schema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: "must be a postgres:// URL" }),
  /** A database connection that answers nothing for so long is given up. Summing up and planning for large fleets takes a while in one statement. */
  DATABASE_SILENCE_MS: wholeNumber(120_000, 500, 600_000),
  ...artifactStoreSettings,
  /** Folder for work in progress. Default: inside the artifact store's directory, else in the system's temporary folder. */
  WORK_DIR: z.string().min(1).optional(),
  /** Jobs in hand at once. */
  WORKER_CONCURRENCY: wholeNumber(2, 1, 64),
  /** Port of the health endpoint on HEALTH_HOST; 0 opens none. */
  HEALTH_PORT: wholeNumber(0, 0, 65_535),
  HEALTH_HOST: z.string().min(1).default("127.0.0.1"),
  /** A job whose worker says nothing for so long is given to another one. */
  JOB_LEASE_MS: wholeNumber(20_000, 1_000, 600_000),
  ROLLOUT_TICK_MS: wholeNumber(1_000, 50, 60_000),
  /** Spent on measuring a model once it runs; measuring it in turns with its parent takes a fifth of it at least and twice of it at most. */
  MEASURE_BUDGET_MS: wholeNumber(10_000, 100, 60_000),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
  /** Set by a launcher: the worker ends when that process is gone. */
  FLOTILLA_PARENT_PID: z.coerce.number().int().positive().optional(),
});

export type Env = z.infer<typeof schema>;

/** Reads the settings, or throws one error that names every problem. */
export function readEnv(source: Readonly<Record<string, string | undefined>> = process.env): Env {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`The worker's settings are not complete:\n${problems.join("\n")}`);
}
