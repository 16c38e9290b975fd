import { randomUUID } from "node:crypto";
import { withTx } from "@flotilla/db";
import { principalOfUser, recordAudit } from "@flotilla/fleet";
import { FleetError } from "@flotilla/protocol";
import { z } from "zod";
import { originOf, requireSameOrigin } from "./api/same-origin.ts";
import { failure, problemResponse } from "./api/problems.ts";
import { AUTH_PATHS } from "./auth.ts";
import { callerOf } from "./caller.ts";
import type { Platform } from "./platform.ts";

const signInBody = z.object({ email: z.string().max(254), password: z.string().max(1000) });
const BODY_MAX_BYTES = 16 * 1024;

/** Stands in front of better-auth: only the listed calls, only from our own pages, and not too many guesses. */
export async function handleAuth(platform: Platform, request: Request): Promise<Response> {
  const requestId = `req_${randomUUID()}`;
  try {
    const path = new URL(request.url).pathname.slice("/api/auth".length);
    if (!(AUTH_PATHS as readonly string[]).includes(path)) throw failure("not_found", "There is no such call.");
    requireSameOrigin(request.method, request.headers, originOf(request.headers, request.url, platform.env.PUBLIC_URL));
    const text = request.method === "GET" ? undefined : await readSmallBody(request);
    const forwarded = new Request(request.url, { method: request.method, headers: request.headers, ...(text !== undefined && text !== "" && { body: text }) });
    if (path === "/sign-in/email") return await signIn(platform, forwarded, text ?? "", requestId);
    const caller = await callerOf(platform, new Headers({ cookie: request.headers.get("cookie") ?? "" }), requestId);
    const answer = await platform.auth.handler(forwarded);
    const { principal } = caller;
    if (answer.ok && principal !== null) {
      await withTx(platform.db, (tx) => recordAudit(tx, principal, { action: "session.sign_out", objectKind: "person", objectId: principal.id, objectName: principal.name }));
    }
    return answer;
  } catch (error) {
    if (!(error instanceof FleetError)) platform.log.error({ err: error, requestId }, "sign-in call failed");
    return problemResponse(error, requestId);
  }
}

async function signIn(platform: Platform, request: Request, text: string, requestId: string): Promise<Response> {
  const credentials = signInBody.safeParse(parseJson(text));
  if (!credentials.success) throw failure("bad_request", "Send an e-mail address and a password.");
  const waitMs = await platform.signInLimiter.attempt(credentials.data.email, addressOf(request.headers), Date.now());
  if (waitMs > 0) {
    throw failure("rate_limited", `Too many attempts. Try again in ${Math.ceil(waitMs / 60_000)} min.`, { retryAfterMs: waitMs });
  }
  const answer = await platform.auth.handler(request);
  if (!answer.ok) throw failure("wrong_credentials", "E-mail or password is wrong.");
  await platform.signInLimiter.succeeded(credentials.data.email);
  const body = (await answer.json()) as { user?: { id?: string } };
  const principal = body.user?.id === undefined ? null : await principalOfUser(platform.db.prisma, body.user.id);
  if (principal === null) throw failure("wrong_credentials", "E-mail or password is wrong.");
  await withTx(platform.db, (tx) => recordAudit(tx, { ...principal, requestId }, { action: "session.sign_in", objectKind: "person", objectId: principal.id, objectName: principal.name }));
  // The token stays in the cookie; no script needs it.
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-store", "x-request-id": requestId });
  for (const cookie of answer.headers.getSetCookie()) headers.append("set-cookie", cookie);
  return new Response(JSON.stringify({ name: principal.name }), { headers });
}

/** The address nearest to us that a proxy (or Next itself) has noted. */
function addressOf(headers: Headers): string {
  return headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() ?? "unknown";
}

async function readSmallBody(request: Request): Promise<string> {
  const text = await request.text();
  if (text.length > BODY_MAX_BYTES) throw failure("payload_too_large", "Too large.");
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
