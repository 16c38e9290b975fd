import type { IncomingMessage, ServerResponse } from "node:http";
import { FleetError, problemOf, statusOf, type FleetErrorCode } from "@flotilla/protocol";

/** Answers with JSON. */
export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body));
  res.writeHead(status, { "content-type": "application/json", "content-length": bytes.length, "cache-control": "no-store", "x-content-type-options": "nosniff" });
  res.end(bytes);
}

/** Answers 200 with JSON that is text already: for answers that are made by the thousand. Their bytes leave in one write with the head. */
export function sendJsonText(res: ServerResponse, text: string, requestId: string, mustClose: boolean): void {
  const isAscii = Buffer.byteLength(text) === text.length;
  const headers = ["content-type", "application/json", "content-length", String(isAscii ? text.length : Buffer.byteLength(text)), "cache-control", "no-store", "x-content-type-options", "nosniff", "x-request-id", requestId];
  if (mustClose) headers.push("connection", "close");
  res.writeHead(200, headers);
  res.end(text, isAscii ? "latin1" : "utf8");
}

/** How much of a refused body is still read, so that its sender gets to see the answer, and for how long. */
const DRAIN_BYTES = 1024 * 1024;
const DRAIN_MS = 2_000;

/**
 * Answers with a problem document (RFC 9457), with `Retry-After` when the error carries `retryAfterMs`. A small body that was
 * not read is read over by Node and the connection stays; after a large one it is closed, when a bounded rest has been read.
 */
export function sendProblem(req: IncomingMessage, res: ServerResponse, error: unknown, requestId: string): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const problem = problemOf(error, requestId);
  const bytes = Buffer.from(JSON.stringify(problem));
  const retryAfterMs = error instanceof FleetError ? error.extra["retryAfterMs"] : undefined;
  const mustClose = leavesMuch(req) || problem.code === "request_timeout";
  res.writeHead(statusOf(problem.code as FleetErrorCode), {
    "content-type": "application/problem+json",
    "content-length": bytes.length,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(typeof retryAfterMs === "number" ? { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1000))) } : {}),
    ...(mustClose ? { connection: "close" } : {}),
  });
  if (!mustClose) {
    res.end(bytes);
    return;
  }
  res.write(bytes);
  drain(req, () => res.end(() => req.socket.destroySoon()));
}

function leavesMuch(req: IncomingMessage): boolean {
  if (req.complete) return false;
  return req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > DRAIN_BYTES;
}

function drain(req: IncomingMessage, done: () => void): void {
  let left = DRAIN_BYTES;
  let isDone = false;
  const finish = (): void => {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    req.removeAllListeners("data");
    req.pause();
    done();
  };
  const timer = setTimeout(finish, DRAIN_MS);
  req.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left <= 0) finish();
  });
  req.on("end", finish).on("close", finish).on("error", finish);
  req.resume();
}
