import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { request } from "undici";
import { z } from "zod";

const credentialsSchema = z.object({ url: z.url(), gatewayUrl: z.url(), apiKey: z.string().min(1) });

/** The operator API of a platform, and the way devices reach it. */
export type Operator = z.infer<typeof credentialsSchema>;

/** What `npm start` leaves for scripts. Rejects with a sentence for people. */
export async function readCredentials(file: string): Promise<Operator> {
  let text: string;
  try {
    text = await readFile(resolve(file), "utf8");
  } catch (error) {
    throw new Error(`no platform to connect to: ${file} cannot be read (${error instanceof Error ? error.message : String(error)}). Start one with npm start, or give --server and --token.`, { cause: error });
  }
  const parsed = credentialsSchema.safeParse(jsonOrUndefined(text));
  if (!parsed.success) throw new Error(`${file} is not a credentials file:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Calls the operator API. Rejects with the server's sentence. */
export async function callOperator(operator: Operator, method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
  const answer = await request(`${operator.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${operator.apiKey}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    body: body === undefined ? null : JSON.stringify(body),
    headersTimeout: CALL_TIMEOUT_MS,
    bodyTimeout: CALL_TIMEOUT_MS,
  });
  const text = await answer.body.text();
  const json = jsonOrUndefined(text);
  if (answer.statusCode < 300) return json;
  const detail = z.object({ detail: z.string().optional(), title: z.string().optional() }).safeParse(json).data;
  throw new Error(`${method} ${path}: ${detail?.detail ?? detail?.title ?? `the server answered ${answer.statusCode}`}`);
}

const CALL_TIMEOUT_MS = 20_000;
/** Long enough for a fleet that is stopped and started again. */
const TOKEN_SECONDS = 30 * 86_400;
/** The platform's own limit. */
const TOKEN_USES_AT_MOST = 100_000;

/** A token with which so many devices can enrol. */
export async function enrolmentTokenFor(operator: Operator, wanted: { name: string; devices: number; labels: Readonly<Record<string, string>> }): Promise<string> {
  const answer = await callOperator(operator, "POST", "/enrollment-tokens", { name: wanted.name, maxUses: Math.min(wanted.devices, TOKEN_USES_AT_MOST), fleetLabels: wanted.labels, expiresInSeconds: TOKEN_SECONDS });
  return z.object({ token: z.string() }).parse(answer).token;
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
