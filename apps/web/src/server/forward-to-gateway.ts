import { randomUUID } from "node:crypto";
import { failure, problemResponse } from "./api/problems.ts";
import type { Platform } from "./platform.ts";

/** What the gateway needs to know, and what of its answer concerns the browser. Cookies go neither way. */
const REQUEST_HEADERS = ["content-type", "content-length", "range", "if-range", "if-none-match", "accept"];
const ANSWER_HEADERS = ["content-type", "content-length", "content-range", "accept-ranges", "etag", "content-disposition", "x-content-type-options", "content-security-policy", "retry-after", "cache-control"];
/** Calls that a browser may make with its ticket. Committing is the server's own call. */
const ALLOWED = [
  { methods: ["PUT"], path: /^\/artifacts\/parts\/[\w.-]{1,512}\/\d{1,6}$/ },
  { methods: ["GET", "HEAD"], path: /^\/artifacts\/[0-9a-f]{64}$/ },
];

/** Streams bytes between browser and gateway, under one origin. Holds nothing: what the gateway does not take waits in the browser. */
export async function forwardToGateway(platform: Platform, request: Request): Promise<Response> {
  const given = request.headers.get("x-request-id");
  const requestId = given !== null && /^[\w-]{8,64}$/.test(given) ? given : `req_${randomUUID()}`;
  const { pathname, search } = new URL(request.url);
  if (!ALLOWED.some(({ methods, path }) => methods.includes(request.method) && path.test(pathname))) {
    return problemResponse(failure("not_found", "There is no such artifact call."), requestId);
  }
  try {
    const answer = await fetch(new URL(pathname + search, platform.env.GATEWAY_URL), {
      method: request.method,
      headers: withRequestId(picked(request.headers, REQUEST_HEADERS), requestId),
      signal: request.signal,
      redirect: "error",
      ...(request.body !== null && { body: request.body, duplex: "half" }),
    } as RequestInit);
    return new Response(answer.body, { status: answer.status, headers: withRequestId(picked(answer.headers, ANSWER_HEADERS), requestId) });
  } catch (error) {
    if (!request.signal.aborted) platform.log.warn({ err: error, requestId }, "the gateway could not be reached");
    return problemResponse(failure("unavailable", "The gateway does not answer; the transfer can be continued when it does."), requestId);
  }
}

/** The gateway takes it over: one id from the browser's answer to the gateway's log. */
function withRequestId(headers: Headers, requestId: string): Headers {
  headers.set("x-request-id", requestId);
  return headers;
}

function picked(from: Headers, names: readonly string[]): Headers {
  const headers = new Headers();
  for (const name of names) {
    const value = from.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}
