import { z } from "@hono/zod-openapi";
import { hashPassword, recordAudit, verifyPassword, type Principal } from "@flotilla/fleet";
import { PASSWORD_MAX, PASSWORD_MIN } from "../auth.ts";
import { defineRoute, idParams, type Route } from "./define-route.ts";
import { failure } from "./problems.ts";

const sessionSchema = z.object({
  id: z.string(), current: z.boolean(), userAgent: z.string().nullable(), ipAddress: z.string().nullable(), createdAt: z.string(), lastUsedAt: z.string(),
}).openapi("Session");

/** The caller's own account. Keys have none. */
export const meRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/me/sessions", tag: "Session", summary: "One's own sessions", access: "signed_in", answer: z.object({ items: z.array(sessionSchema) }),
    handle: async ({ tx, principal, sessionId }) => {
      const rows = await tx.session.findMany({ where: { userId: personOf(principal), expiresAt: { gt: new Date() } }, orderBy: { updatedAt: "desc" } });
      return {
        items: rows.map((row) => ({
          id: row.id, current: row.id === sessionId, userAgent: row.userAgent, ipAddress: row.ipAddress === "" ? null : row.ipAddress,
          createdAt: row.createdAt.toISOString(), lastUsedAt: row.updatedAt.toISOString(),
        })),
      };
    },
  }),
  defineRoute({
    method: "delete", path: "/me/sessions/{id}", tag: "Session", summary: "End one of one's own sessions", access: "signed_in", params: idParams, answer: z.object({ ended: z.boolean() }),
    handle: async ({ tx, principal, params }) => {
      const gone = await tx.session.deleteMany({ where: { id: params.id, userId: personOf(principal) } });
      if (gone.count === 0) throw failure("not_found", "You have no such session.");
      await recordAudit(tx, principal, { action: "session.end", objectKind: "person", objectId: principal.id, objectName: principal.name });
      return { ended: true };
    },
  }),
  defineRoute({
    method: "post", path: "/me/password", tag: "Session", summary: "Choose another password; other sessions end", access: "signed_in",
    body: z.object({
      currentPassword: z.string().min(1).max(1000),
      newPassword: z.string().min(PASSWORD_MIN, `must have at least ${PASSWORD_MIN} characters`).max(PASSWORD_MAX, `may have at most ${PASSWORD_MAX} characters`),
    }),
    answer: z.object({ changed: z.boolean() }), ownTransactions: true,
    handle: async ({ inTx, principal, body, sessionId, platform }) => {
      const userId = personOf(principal);
      // Somebody at an unlocked screen must not guess on.
      const waitMs = await platform.signInLimiter.attempt(userId, userId, Date.now());
      if (waitMs > 0) throw failure("rate_limited", `Too many attempts. Try again in ${Math.ceil(waitMs / 60_000)} min.`, { retryAfterMs: waitMs });
      await inTx(async (tx) => {
        const account = await tx.account.findFirst({ where: { userId, providerId: "credential" } });
        if (account?.password == null || !(await verifyPassword(body.currentPassword, account.password))) throw failure("wrong_credentials", "The present password is wrong.");
        await tx.account.update({ where: { id: account.id }, data: { password: await hashPassword(body.newPassword) } });
        await tx.session.deleteMany({ where: { userId, id: { not: sessionId ?? "" } } });
        await recordAudit(tx, principal, { action: "person.change_password", objectKind: "person", objectId: principal.id, objectName: principal.name });
      });
      await platform.signInLimiter.succeeded(userId);
      return { changed: true };
    },
  }),
];

function personOf(principal: Principal): string {
  if (principal.kind !== "user") throw failure("forbidden", "Only a person has an account.");
  return principal.id;
}
