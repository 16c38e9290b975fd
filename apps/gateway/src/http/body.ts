import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { FleetError } from "@flotilla/protocol";

const inflate = promisify(gunzip);

/** A body that takes longer than this from its headers to its end is given up. */
export const BODY_TIMEOUT_MS = 10_000;

/**
 * Reads a JSON body of at most `maxBytes`, on the wire and inflated (gzip). Refuses before reading when the announced
 * length is too large. Throws `payload_too_large`, `unsupported_media_type`, `request_timeout`, `bad_request`.
 */
export async function readJson(req: IncomingMessage, maxBytes: number): Promise<unknown> {
  const encoding = checkBodyHeaders(req, maxBytes);
  const raw = await readBytes(req, maxBytes);
  return jsonOf(encoding === "gzip" ? await inflated(raw, maxBytes) : raw);
}

/** The value that a body's bytes hold. Throws `bad_request` on what is not UTF-8, not JSON, or text that PostgreSQL cannot store. */
export function jsonOf(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new FleetError("bad_request", { public: "The body is not UTF-8." });
  const text = bytes.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FleetError("bad_request", { public: "The body is not JSON." });
  }
  // Only an escape can bring in what PostgreSQL cannot store: a NUL, or half of a surrogate pair.
  if (text.includes("\\u") && holdsUnstorableText(value)) throw new FleetError("bad_request", { public: "The body holds text that cannot be stored." });
  return value;
}

/** Answers the content encoding; throws before a byte of the body is read. */
export function checkBodyHeaders(req: IncomingMessage, maxBytes: number): "identity" | "gzip" {
  const type = req.headers["content-type"] ?? "";
  if (type !== "application/json" && !/^application\/json\s*(;|$)/i.test(type)) throw new FleetError("unsupported_media_type", { public: "Send application/json." });
  const length = req.headers["content-length"];
  if (length !== undefined && Number(length) > maxBytes) throw tooLarge(maxBytes);
  const encoding = req.headers["content-encoding"]?.toLowerCase() ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") throw new FleetError("unsupported_media_type", { public: "Of content encodings only gzip is taken." });
  return encoding;
}

function readBytes(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      req.off("data", onData).off("end", onEnd).off("close", onClose);
      settle();
    };
    const fail = (error: FleetError): void => finish(() => reject(error));
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) fail(tooLarge(maxBytes));
      else chunks.push(chunk);
    };
    const onEnd = (): void => finish(() => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    const onClose = (): void => fail(new FleetError("bad_request", { public: "The body ended early." }));
    const timer = setTimeout(() => fail(new FleetError("request_timeout", { public: "The body took too long." })), BODY_TIMEOUT_MS);
    req.on("data", onData).on("end", onEnd).on("close", onClose);
  });
}

/** Throws `payload_too_large` and `bad_request`. */
export async function inflated(raw: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await inflate(raw, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
    throw new FleetError("bad_request", { public: "The body is not gzip." });
  }
}

/** The refusal of a body above the limit. */
export function tooLarge(maxBytes: number): FleetError {
  return new FleetError("payload_too_large", { public: `The body may have up to ${maxBytes} bytes, inflated.` });
}

/** Walks without recursion: hostile bodies nest as deep as they are long. */
function holdsUnstorableText(value: unknown): boolean {
  const open = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === "string") {
      if (next.includes("\u0000") || !next.isWellFormed()) return true;
    } else if (typeof next === "object" && next !== null) {
      for (const [key, child] of Object.entries(next)) open.push(key, child);
    }
  }
  return false;
}

/** The same bytes, but throws `request_timeout` when nothing comes for `idleMs`. */
export async function* withIdleTimeout(req: IncomingMessage, idleMs: number): AsyncGenerator<Uint8Array> {
  const timer = setTimeout(() => req.destroy(new FleetError("request_timeout", { public: "The body stopped coming." })), idleMs);
  try {
    // Leaving early must not destroy the request: its sender still gets an answer.
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      timer.refresh();
      yield chunk as Uint8Array;
    }
  } catch (error) {
    if (error instanceof FleetError) throw error;
    throw new FleetError("bad_request", { public: "The body ended early.", cause: error });
  } finally {
    clearTimeout(timer);
  }
}
