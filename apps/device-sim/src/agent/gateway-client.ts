import {
  FOLLOWS_REDIRECTS_HEADER, enrollResponseSchema, nonceResponseSchema, syncResponseSchema, tokenResponseSchema,
  type EnrollRequest, type EnrollResponse, type SyncRequest, type SyncResponse, type TokenRequest, type TokenResponse,
} from "@flotilla/protocol";
import { z } from "zod";
import { NetworkError, type Net, type NetResponse } from "./net.ts";

/** The server answered, and said no. `code` is the problem document's, or "http_<status>" where there was none. */
export class ServerRefusal extends Error {
  readonly status: number;
  readonly code: string;
  /** What the server asked to wait, by `Retry-After` or the problem's `retryAfterMs`. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, code: string, detail: string, retryAfterMs: number | undefined) {
    super(detail);
    this.name = "ServerRefusal";
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The device protocol, typed. Every call rejects with `NetworkError` or `ServerRefusal`. */
export type GatewayClient = {
  nonce(): Promise<string>;
  enroll(request: EnrollRequest): Promise<EnrollResponse>;
  token(request: TokenRequest): Promise<TokenResponse>;
  sync(token: string, request: SyncRequest, signal?: AbortSignal): Promise<SyncResponse>;
  /** An artifact's bytes from `fromByte` on; answers 200 (whole), 206 (rest) or 416. Other statuses reject. */
  artifact(token: string, sha256: string, fromByte: number, signal?: AbortSignal): Promise<NetResponse>;
};

const CALL_TIMEOUT_MS = 20_000;
/** A download that delivers nothing for this long is cut and resumed. */
const STALL_TIMEOUT_MS = 30_000;
/** Larger than any answer of the protocol; a bound against a broken proxy. */
const MAX_ANSWER_BYTES = 1_048_576;

export function createGatewayClient(net: Net, clock: { wallMs(): number }): GatewayClient {
  async function call<T>(path: string, schema: z.ZodType<T>, options: { body?: unknown; token?: string; signal?: AbortSignal } = {}): Promise<T> {
    const response = await net.request({
      method: options.body === undefined ? "GET" : "POST",
      path,
      headers: headersOf(options),
      timeoutMs: CALL_TIMEOUT_MS,
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const text = await textOf(response);
    if (response.status !== 200 && response.status !== 201) throw refusalOf(response, text, clock.wallMs());
    const parsed = schema.safeParse(jsonOrUndefined(text));
    if (!parsed.success) throw new NetworkError(`the answer to ${path} is not of the protocol: ${z.prettifyError(parsed.error)}`);
    return parsed.data;
  }

  return {
    nonce: async () => (await call("/device/v1/nonce", nonceResponseSchema)).nonce,
    enroll: (request) => call("/device/v1/enroll", enrollResponseSchema, { body: request }),
    token: (request) => call("/device/v1/token", tokenResponseSchema, { body: request }),
    sync: (token, request, signal) => call("/device/v1/sync", syncResponseSchema, { body: request, token, ...(signal === undefined ? {} : { signal }) }),
    async artifact(token, sha256, fromByte, signal) {
      const range = fromByte === 0 ? {} : { range: `bytes=${fromByte}-`, "if-range": `"${sha256}"` };
      const response = await net.request({
        method: "GET",
        path: `/device/v1/artifacts/${sha256}`,
        headers: { authorization: `Bearer ${token}`, [FOLLOWS_REDIRECTS_HEADER]: "1", ...range },
        followRedirect: true,
        timeoutMs: STALL_TIMEOUT_MS,
        ...(signal === undefined ? {} : { signal }),
      });
      if ([200, 206, 416].includes(response.status)) return response;
      throw refusalOf(response, await textOf(response), clock.wallMs());
    },
  };
}

function headersOf(options: { body?: unknown; token?: string }): Record<string, string> {
  return {
    accept: "application/json",
    ...(options.body === undefined ? {} : { "content-type": "application/json" }),
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
  };
}

async function textOf(response: NetResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) {
      await response.discard();
      throw new NetworkError(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const refusalBodySchema = z.object({ code: z.string().max(64), detail: z.string().optional(), retryAfterMs: z.number().nonnegative().optional() });

function refusalOf(response: NetResponse, text: string, wallMs: number): ServerRefusal {
  const problem = refusalBodySchema.safeParse(jsonOrUndefined(text)).data;
  // A moment is the server's time: its own Date is what to count from, the device's clock only where it sends none.
  const serverMs = Date.parse(response.headers["date"] ?? "");
  const retryAfterMs = retryAfterOf(response.headers["retry-after"], Number.isFinite(serverMs) ? serverMs : wallMs) ?? problem?.retryAfterMs;
  const code = problem?.code ?? `http_${response.status}`;
  return new ServerRefusal(response.status, code, problem?.detail ?? `the server answered ${response.status}`, retryAfterMs);
}

/** No server may silence a device for longer than this by one header. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** `Retry-After` in milliseconds: seconds or an HTTP date; undefined when absent or unreadable. */
export function retryAfterOf(header: string | undefined, wallMs: number): number | undefined {
  if (header === undefined || header.trim() === "") return undefined;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - wallMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS) : undefined;
}
