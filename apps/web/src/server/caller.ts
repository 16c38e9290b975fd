import { principalOfApiKey, principalOfUser, type Principal } from "@flotilla/fleet";
import { FleetError } from "@flotilla/protocol";
import type { Platform } from "./platform.ts";

/** An unused session ends after this time. */
const SESSION_IDLE_MS = 12 * 3600_000;
/** Use is noted at most this often. */
const SESSION_TOUCH_MS = 5 * 60_000;

/** Who calls, and by what. A cookie is sent by browsers unasked, so calls by cookie must also prove where they come from. */
export type Caller = { via: "cookie"; principal: Principal; sessionId: string } | { via: "api_key"; principal: Principal } | { via: "nothing"; principal: null };

/** Finds out who calls. Throws `unauthenticated` for an API key that is wrong: it was meant to count. */
export async function callerOf(platform: Platform, headers: Headers, requestId: string): Promise<Caller> {
  const authorization = headers.get("authorization");
  if (authorization !== null) {
    const secret = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(authorization)?.[1];
    const principal = secret === undefined ? null : await principalOfApiKey(platform.db.prisma, secret);
    if (principal === null) throw new FleetError("unauthenticated", { public: "The API key is unknown, revoked or too old." });
    return { via: "api_key", principal: { ...principal, requestId } };
  }
  const session = await sessionOf(platform, headers);
  if (session === null) return { via: "nothing", principal: null };
  const principal = await principalOfUser(platform.db.prisma, session.userId);
  if (principal === null) return { via: "nothing", principal: null };
  return { via: "cookie", principal: { ...principal, requestId }, sessionId: session.id };
}

/** The session of a cookie; one that was left unused for too long ends here. */
async function sessionOf(platform: Platform, headers: Headers): Promise<{ id: string; userId: string } | null> {
  if (!headers.has("cookie")) return null;
  const found = await platform.auth.api.getSession({ headers, query: { disableRefresh: true } });
  if (found === null) return null;
  const { id, userId, updatedAt } = found.session;
  const unusedMs = Date.now() - updatedAt.getTime();
  if (unusedMs > SESSION_IDLE_MS) {
    await platform.db.prisma.session.deleteMany({ where: { id } });
    return null;
  }
  if (unusedMs > SESSION_TOUCH_MS) await platform.db.prisma.session.updateMany({ where: { id }, data: { updatedAt: new Date() } });
  return { id, userId };
}
