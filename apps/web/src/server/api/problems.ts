import { FleetError, problemOf, type FleetErrorCode } from "@flotilla/protocol";
import type { z } from "@hono/zod-openapi";

/** The answer to any thrown value: an RFC 9457 problem document. Waiting times go into `Retry-After` too. */
export function problemResponse(error: unknown, requestId: string): Response {
  const body = problemOf(error, requestId);
  const headers = new Headers({ "content-type": "application/problem+json", "cache-control": "no-store", "x-request-id": requestId });
  const retryAfterMs = body["retryAfterMs"];
  if (typeof retryAfterMs === "number") headers.set("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  return new Response(JSON.stringify(body), { status: body.status, headers });
}

/** What zod found, as one sentence per fault that names the place: "waves.0.percent: must be at most 100". */
export function invalidInput(where: "body" | "query" | "path", issues: readonly z.core.$ZodIssue[]): FleetError {
  const faults = issues.slice(0, 10).map((issue) => ({ path: issue.path.map(String).join(".") || where, message: issue.message }));
  const detail = faults.map((fault) => `${fault.path}: ${fault.message}`).join("; ");
  return new FleetError("bad_request", { public: detail || `The ${where} is not valid.`, extra: { faults } });
}

/** An expected failure by its code. */
export function failure(code: FleetErrorCode, sentence: string, extra?: Record<string, unknown>): FleetError {
  return new FleetError(code, { public: sentence, ...(extra && { extra }) });
}
