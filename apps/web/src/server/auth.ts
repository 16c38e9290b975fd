import type { Db } from "@flotilla/db";
import { newId } from "@flotilla/fleet";
import { betterAuth, APIError } from "better-auth";
import { createAuthEndpoint } from "better-auth/api";
import { prismaAdapter } from "@better-auth/prisma-adapter";
import { setSessionCookie } from "better-auth/cookies";
import { z } from "zod";
import type { WebEnv } from "../env.ts";
import { originOf } from "./api/same-origin.ts";
import { withHashedSessionTokens } from "./hashed-session-tokens.ts";

/** However busy, a person signs in again after this time. */
const SESSION_MAX_MS = 7 * 24 * 3600_000;
export const PASSWORD_MIN = 10;
export const PASSWORD_MAX = 128;

/** What of better-auth a browser may call, under /api/auth. Everything else answers 404. */
export const AUTH_PATHS = ["/sign-in/email", "/sign-out"] as const;

/** Signs a person in who has proven who they are in another way (a one-time link). Not reachable over HTTP. */
const startSession = {
  id: "flotilla-start-session",
  endpoints: {
    startSession: createAuthEndpoint(
      { method: "POST", body: z.object({ userId: z.string() }), requireHeaders: true },
      async (ctx) => {
        const user = await ctx.context.internalAdapter.findUserById(ctx.body.userId);
        if (user === null) throw new APIError("UNAUTHORIZED");
        const session = await ctx.context.internalAdapter.createSession(user.id, false);
        await setSessionCookie(ctx, { session, user });
        return ctx.json({ sessionId: session.id });
      },
    ),
  },
};

/**
 * better-auth's core on our tables: e-mail and password, sessions in the database. Nobody signs up by themselves. The
 * role is not part of the session: `principalOfUser` reads it anew for each request.
 */
export function createAuth(db: Db, env: WebEnv) {
  const isHttps = env.PUBLIC_URL?.startsWith("https://") ?? false;
  return betterAuth({
    ...(env.PUBLIC_URL !== undefined && { baseURL: env.PUBLIC_URL }),
    basePath: "/api/auth",
    secret: env.AUTH_SECRET,
    telemetry: { enabled: false },
    logger: { level: "error" },
    database: withHashedSessionTokens(prismaAdapter(db.prisma, { provider: "postgresql" })),
    emailAndPassword: { enabled: true, disableSignUp: true, minPasswordLength: PASSWORD_MIN, maxPasswordLength: PASSWORD_MAX },
    // Never prolonged: idleness is judged, and use noted, in caller.ts.
    session: { expiresIn: SESSION_MAX_MS / 1000, disableSessionRefresh: true, cookieCache: { enabled: false } },
    // Ours, by account and by address, stands in front of it (sign-in-limiter.ts).
    rateLimit: { enabled: false },
    trustedOrigins: (request) => (request === undefined ? [] : [originOf(request.headers, request.url, env.PUBLIC_URL)]),
    advanced: {
      cookiePrefix: "flotilla",
      useSecureCookies: isHttps,
      defaultCookieAttributes: { sameSite: "lax", httpOnly: true, path: "/" },
      database: { generateId: () => newId("usr") },
      ipAddress: { ipAddressHeaders: ["x-forwarded-for"], ipv6Subnet: 128 },
    },
    databaseHooks: {
      session: {
        create: {
          // Somebody who was disabled gets the answer of a wrong password.
          before: async (session) => {
            const user = await db.prisma.user.findUnique({ where: { id: session.userId }, select: { disabledAt: true } });
            if (user === null || user.disabledAt !== null) throw new APIError("UNAUTHORIZED", { code: "INVALID_EMAIL_OR_PASSWORD", message: "Invalid email or password" });
          },
        },
      },
    },
    plugins: [startSession],
  });
}

export type Auth = ReturnType<typeof createAuth>;
