import { z } from "zod";

const secret = z.string().min(32, "needs at least 32 characters");

const schema = z.object({
  /** PostgreSQL with the product's data. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: "must look like postgres://user:password@host:5432/database" }),
  /** Where this process reaches the gateway. */
  GATEWAY_URL: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }),
  /** Where devices reach the gateway; shown in enrolment commands. Default: GATEWAY_URL. */
  PUBLIC_GATEWAY_URL: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }).optional(),
  /** Where people open this app, without a path. Default: what the browser asked for. */
  PUBLIC_URL: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }).transform((text) => new URL(text).origin).optional(),
  /** Signs session cookies. */
  AUTH_SECRET: secret,
  /** Shared with the gateway: signs what lets a browser send an upload. */
  UPLOAD_TICKET_SECRET: secret,
  /** Lets Prometheus read `GET /api/v1/metrics` as a bearer token. Without it there are no metrics. */
  METRICS_TOKEN: secret.optional(),
  /** Where this process listens; `next start` takes them from its command line. */
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  HOST: z.string().min(1).default("127.0.0.1"),
  /** Set by the launcher: this process ends when that one is gone. */
  FLOTILLA_PARENT_PID: z.coerce.number().int().positive().optional(),
});

export type WebEnv = z.infer<typeof schema>;

/** Reads the settings. Throws one error that names everything that is missing or wrong. */
export function parseEnv(source: Readonly<Record<string, string | undefined>>): WebEnv {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${given[String(issue.path[0])] === undefined ? "is not set" : issue.message}`);
  throw new Error(`The web app's settings are not complete:\n${problems.join("\n")}`);
}

let parsed: WebEnv | undefined;

/** The settings of this process, read once. Not read while the app is being built. */
export function env(): WebEnv {
  return (parsed ??= parseEnv(process.env));
}
