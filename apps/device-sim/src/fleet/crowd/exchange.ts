import { Pool, type Dispatcher } from "undici";

/** One request of a device. */
export type Call = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly token?: string | undefined;
  readonly body?: string;
  /** Continue a download at this byte of the artifact with this digest. */
  readonly resume?: { readonly fromByte: number; readonly sha256: string };
};

/** What came of it. `status` 0: no answer, `broke` says why. A body that broke off comes as far as it arrived, with `broke`. */
export type Answer = {
  readonly status: number;
  readonly body: Buffer;
  readonly broke: string | null;
  readonly retryAfter?: string | undefined;
  readonly contentRange?: string | undefined;
  readonly etag?: string | undefined;
};

/** HTTP to one server for all devices of a process. `take` is called exactly once, never before `send` has returned. */
export type Exchange = {
  send(call: Call, take: (answer: Answer) => void): void;
  close(): Promise<void>;
};

const KEEP_ALIVE_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
const CALL_TIMEOUT_MS = 20_000;
const STALL_TIMEOUT_MS = 30_000;
const ARTIFACTS = "/device/v1/artifacts/";

/**
 * Over a bounded number of kept-alive connections that the devices share: one of their own for each of 100,000 would be a test of the
 * kernel. Downloads have a quarter of them for themselves, so that a rollout does not stop the syncs.
 */
export function httpExchange(baseUrl: string, connections: number): Exchange {
  const base = new URL(baseUrl);
  const prefix = base.pathname.replace(/\/+$/, "");
  const options = { keepAliveTimeout: KEEP_ALIVE_MS, connect: { timeout: CONNECT_TIMEOUT_MS }, headersTimeout: CALL_TIMEOUT_MS, bodyTimeout: STALL_TIMEOUT_MS };
  const downloads = Math.max(1, Math.floor(connections / 4));
  const callPool = new Pool(base.origin, { ...options, connections: Math.max(1, connections - downloads) });
  const downloadPool = new Pool(base.origin, { ...options, connections: downloads });
  return {
    send(call, take) {
      const pool = call.path.startsWith(ARTIFACTS) ? downloadPool : callPool;
      pool.dispatch({ method: call.method, path: `${prefix}${call.path}`, headers: headersOf(call), body: call.body ?? null }, receiver(take));
    },
    close: async () => void (await Promise.all([callPool.destroy(), downloadPool.destroy()])),
  };
}

function headersOf(call: Call): string[] {
  const headers = call.body === undefined ? [] : ["content-type", "application/json"];
  if (call.token !== undefined) headers.push("authorization", `Bearer ${call.token}`);
  if (call.resume !== undefined && call.resume.fromByte > 0) headers.push("range", `bytes=${call.resume.fromByte}-`, "if-range", `"${call.resume.sha256}"`);
  return headers;
}

const EMPTY: Buffer = Buffer.alloc(0);

/** Receives without a stream for each answer: that is a third of the cost of a request. */
function receiver(take: (answer: Answer) => void): Dispatcher.DispatchHandler {
  let status = 0;
  let headers: Record<string, string | string[] | undefined> = {};
  let body = EMPTY;
  let more: Buffer[] | null = null;
  const finish = (broke: string | null): void =>
    take({
      status, broke, body: more === null ? body : Buffer.concat(more),
      retryAfter: textOf(headers["retry-after"]), contentRange: textOf(headers["content-range"]), etag: textOf(headers["etag"]),
    });
  return {
    onRequestStart: () => undefined,
    onResponseStart(_controller, statusCode, got) {
      status = statusCode;
      headers = got;
    },
    onResponseData(_controller, chunk) {
      if (more !== null) more.push(chunk);
      else if (body.length === 0) body = chunk;
      else more = [body, chunk];
    },
    onResponseEnd: () => finish(null),
    onResponseError: (_controller, error) => finish(error.message === "" ? "the connection broke" : error.message),
  };
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}
