import { z } from "@hono/zod-openapi";
import type { Tx } from "@flotilla/db";
import { createFirstAdmin, hashPassword, principalOfUser, recordAudit, redeemSignInLink, systemPrincipal } from "@flotilla/fleet";
import { PASSWORD_MAX, PASSWORD_MIN } from "../auth.ts";
import type { Platform } from "../platform.ts";
import { defineRoute, type Route } from "./define-route.ts";
import { failure } from "./problems.ts";

const token = z.string().min(10).max(200);
const password = z.string().min(PASSWORD_MIN, `must have at least ${PASSWORD_MIN} characters`).max(PASSWORD_MAX, `may have at most ${PASSWORD_MAX} characters`);
const signedIn = z.object({ name: z.string() });

/** One-time links. Opening one does nothing; sending its token uses it up and signs in. */
export const sessionRoutes: Route[] = [
  defineRoute({
    method: "post", path: "/session/link", tag: "Session", summary: "Sign in by a one-time link, and choose a new password where wanted", access: "anyone",
    body: z.object({ token, newPassword: password.optional() }), answer: signedIn, ownTransactions: true,
    handle: async ({ body, inTx, platform, request, requestId, cookies }) => {
      const passwordHash = body.newPassword === undefined ? null : await hashPassword(body.newPassword);
      const person = await inTx(async (tx) => {
        const { purpose, userId } = await redeemSignInLink(tx, body.token);
        const principal = userId === null ? null : await principalOfUser(tx, userId);
        if (purpose !== "sign_in" || principal === null) throw failure("link_invalid", "This link makes the first admin; open it as it is.");
        if (passwordHash !== null) await setPassword(tx, principal.id, passwordHash);
        const action = passwordHash === null ? "session.sign_in_link" : "person.set_password";
        await recordAudit(tx, { ...principal, requestId }, { action, objectKind: "person", objectId: principal.id, objectName: principal.name });
        return principal;
      });
      cookies.push(...(await startSession(platform, request, person.id)));
      return { name: person.name };
    },
  }),
  defineRoute({
    method: "post", path: "/session/first-admin", tag: "Session", summary: "Make the first admin by the first-run link", access: "anyone",
    body: z.object({ token, name: z.string().trim().min(1, "is empty").max(100), email: z.email("is not an e-mail address").max(254), password }), answer: signedIn, status: 201, ownTransactions: true,
    handle: async ({ body, inTx, platform, request, requestId, cookies }) => {
      const passwordHash = await hashPassword(body.password);
      const person = await inTx(async (tx) => {
        const { purpose } = await redeemSignInLink(tx, body.token);
        if (purpose !== "first_run") throw failure("link_invalid", "This link signs in; it does not make an admin.");
        return createFirstAdmin(tx, { ...systemPrincipal("first-run"), requestId }, { name: body.name, email: body.email, passwordHash });
      });
      cookies.push(...(await startSession(platform, request, person.id)));
      return { name: person.name };
    },
  }),
];

/** The account row is better-auth's. A new password ends every session that the old one opened. */
async function setPassword(tx: Tx, userId: string, passwordHash: string): Promise<void> {
  await tx.account.updateMany({ where: { userId, providerId: "credential" }, data: { password: passwordHash } });
  await tx.session.deleteMany({ where: { userId } });
}

async function startSession(platform: Platform, request: Request, userId: string): Promise<string[]> {
  // Only what names the browser: an old cookie must not speak for the new session.
  const headers = new Headers();
  for (const name of ["user-agent", "x-forwarded-for"]) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  const answer = await platform.auth.api.startSession({ body: { userId }, headers, asResponse: true });
  if (!answer.ok) throw failure("unauthenticated", "The session could not be started. Sign in with your password.");
  return answer.headers.getSetCookie();
}
