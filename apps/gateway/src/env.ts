import { artifactStoreSettings } from "@flotilla/fleet";
import { z } from "zod";

const secret = z.string({ error: "must be set" }).min(32, "must have at least 32 characters");
const wholeNumber = (fallback: number, min: number, max: number) => z.coerce.number().int().min(min).max(max).default(fallback);

const schema = z.object({
  PORT: wholeNumber(3001, 0, 65_535),
  HOST: z.string().min(1).default("127.0.0.1"),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: "must be a postgres:// URL" }),
  /** A database connection that answers nothing for so long is given up. The gateway's longest statement takes a second. */
  DATABASE_SILENCE_MS: wholeNumber(20_000, 500, 600_000),
  ...artifactStoreSettings,
  /** Shared with web: web signs upload tickets, the gateway checks them. */
  UPLOAD_TICKET_SECRET: secret,
  /** Signs the access tokens of devices; every gateway of an installation has the same one. */
  DEVICE_TOKEN_SECRET: secret,
  /** Mean time between two syncs of a device. */
  SYNC_INTERVAL_MS: wholeNumber(30_000, 500, 24 * 3_600_000),
  /** Opens /metrics to whoever sends it as a bearer token; without it there are none. */
  METRICS_TOKEN: secret.optional(),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
  /** Set by a launcher: the gateway ends when that process is gone. */
  FLOTILLA_PARENT_PID: z.coerce.number().int().positive().optional(),
});

export type Env = z.infer<typeof schema>;

/** Reads the settings, or throws one error that names every problem. */
export function readEnv(source: Readonly<Record<string, string | undefined>> = process.env): Env {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`The gateway's settings are not complete:\n${problems.join("\n")}`);
}
