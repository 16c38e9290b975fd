import type { Readable } from "node:stream";
import { Agent, Pool, request as requestOf } from "undici";

export type NetRequest = {
  readonly method: "GET" | "POST";
  /** Path below the server's base URL, starting with "/". */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
  /**
   * Follow one redirect (302, 307) to wherever the server says. Only `range` goes along: the access token is this server's, and
   * entity tags of another one mean something else, so its answer has none.
   */
  readonly followRedirect?: boolean;
  /** Longest wait for the answer's headers, and between two pieces of its body. */
  readonly timeoutMs: number;
};

export type NetResponse = {
  readonly status: number;
  /** Lower-case names; repeated headers joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Must be read to its end or given up by `discard`, else the connection stays busy. */
  readonly body: AsyncIterable<Uint8Array>;
  discard(): Promise<void>;
};

/** HTTP to one server over kept-alive connections. Rejects with `NetworkError` when no answer came. */
export type Net = {
  request(request: NetRequest): Promise<NetResponse>;
  close(): Promise<void>;
};

/** The server could not be reached or the connection broke. The same request may succeed later. */
export class NetworkError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "NetworkError";
  }
}

/** One device needs one connection for calls and one for a download beside them. */
const CONNECTIONS = 2;
const KEEP_ALIVE_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** A client for the server at `baseUrl` (http or https; a path is kept as a prefix). Throws TypeError on anything else. */
export function createNet(baseUrl: string): Net {
  const base = new URL(baseUrl);
  if (base.protocol !== "http:" && base.protocol !== "https:") throw new TypeError(`${baseUrl} is not an http or https URL`);
  const prefix = base.pathname.replace(/\/+$/, "");
  const pool = new Pool(base.origin, { connections: CONNECTIONS, keepAliveTimeout: KEEP_ALIVE_MS, connect: { timeout: CONNECT_TIMEOUT_MS } });
  let elsewhere: Agent | undefined;

  /** The answer of the host that a redirect names; rejects when it is no place to go. */
  async function follow(location: string | undefined, { headers, signal, timeoutMs }: NetRequest): Promise<NetResponse> {
    const to = location === undefined ? null : URL.parse(location, base.href);
    if (to === null || !(to.protocol === "https:" || (to.protocol === "http:" && base.protocol === "http:"))) throw new NetworkError("the server redirects to something that is no safe address");
    elsewhere ??= new Agent({ connections: CONNECTIONS, keepAliveTimeout: KEEP_ALIVE_MS, connect: { timeout: CONNECT_TIMEOUT_MS } });
    const answer = await requestOf(to, {
      dispatcher: elsewhere, method: "GET", headers: headers?.["range"] === undefined ? null : { range: headers["range"] },
      signal: signal ?? null, headersTimeout: timeoutMs, bodyTimeout: timeoutMs,
    });
    const { etag: _foreign, ...rest } = flatHeaders(answer.headers);
    return { status: answer.statusCode, headers: rest, ...receive(answer.body) };
  }

  return {
    async request(request) {
      const { method, path, headers, body, signal, timeoutMs } = request;
      try {
        const answer = await pool.request({
          method,
          path: `${prefix}${path}`,
          headers: headers === undefined ? null : { ...headers },
          body: body ?? null,
          signal: signal ?? null,
          headersTimeout: timeoutMs,
          bodyTimeout: timeoutMs,
        });
        if (request.followRedirect === true && (answer.statusCode === 302 || answer.statusCode === 307)) {
          await answer.body.dump();
          return await follow(flatHeaders(answer.headers)["location"], request);
        }
        return { status: answer.statusCode, headers: flatHeaders(answer.headers), ...receive(answer.body) };
      } catch (error) {
        throw networkError(error);
      }
    },
    close: async () => {
      await Promise.all([pool.destroy(), elsewhere?.destroy()]);
    },
  };
}

function flatHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]])),
  );
}

/** Received pieces that wait for a slower reader; beyond it the connection is told to wait. */
const READ_AHEAD_BYTES = 256 * 1024;
/** An unwanted rest up to this size is read to its end, so that the connection can be used again. */
const DISCARD_BYTES = 128 * 1024;

/**
 * Receives a body from the moment its headers are there. When the connection breaks, everything that had arrived is handed out
 * before the error: a stream by itself would throw its buffer away, and a download over a bad line would never get on.
 */
function receive(body: Readable): Pick<NetResponse, "body" | "discard"> {
  const arrived: Uint8Array[] = [];
  let waitingBytes = 0;
  let discardedBytes: number | null = null;
  let end = null as { readonly error: unknown } | null;
  let wake: () => void = () => undefined;
  const finish = (error: unknown): void => {
    end ??= { error };
    wake();
  };
  body.on("data", (chunk: Uint8Array) => {
    if (discardedBytes !== null) {
      discardedBytes += chunk.length;
      if (discardedBytes > DISCARD_BYTES) body.destroy();
      return;
    }
    arrived.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes > READ_AHEAD_BYTES) body.pause();
    wake();
  });
  body.once("end", () => finish(null));
  body.on("error", finish);
  body.once("close", () => finish(new Error("the connection was closed")));
  const news = (): Promise<void> => new Promise((resolve) => (wake = resolve));

  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = arrived.shift();
        if (chunk !== undefined) {
          waitingBytes -= chunk.length;
          if (waitingBytes < READ_AHEAD_BYTES) body.resume();
          yield chunk;
        } else if (end !== null) {
          if (end.error !== null) throw networkError(end.error);
          return;
        } else await news();
      }
    } finally {
      body.destroy();
    }
  }

  return {
    body: { [Symbol.asyncIterator]: pieces },
    async discard() {
      discardedBytes = waitingBytes;
      arrived.length = 0;
      body.resume();
      while (end === null) await news();
    },
  };
}

function networkError(error: unknown): NetworkError {
  if (error instanceof NetworkError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new NetworkError(text === "" ? "the connection broke" : text, { cause: error });
}
