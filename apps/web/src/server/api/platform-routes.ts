import { z } from "@hono/zod-openapi";
import { countUsers } from "@flotilla/fleet";
import { FLOTILLA_VERSION } from "@flotilla/protocol";
import { defineRoute } from "./define-route.ts";

const HEALTH_TIMEOUT_MS = 2_000;
const check = z.object({ status: z.enum(["ok", "failing"]), detail: z.string().nullable() });

/** About the platform itself and the caller. */
export const platformRoutes = [
  defineRoute({
    method: "get",
    path: "/health",
    tag: "Platform",
    summary: "Whether this process works, and what it needs",
    access: "anyone",
    answer: z.object({ status: z.enum(["ok", "degraded"]), version: z.string(), checks: z.object({ database: check, gateway: check }) }).openapi("Health"),
    handle: async ({ tx, platform }) => {
      const [database, gateway] = await Promise.all([attempt(() => countUsers(tx)), attempt(() => reachGateway(platform.env.GATEWAY_URL))]);
      return { status: database.status === "ok" && gateway.status === "ok" ? ("ok" as const) : ("degraded" as const), version: FLOTILLA_VERSION, checks: { database, gateway } };
    },
  }),
  defineRoute({
    method: "get",
    path: "/me",
    tag: "Platform",
    summary: "Who this call is made by",
    access: "signed_in",
    answer: z
      .object({ kind: z.enum(["user", "api_key", "system"]), id: z.string(), name: z.string(), role: z.enum(["viewer", "operator", "admin"]), scopes: z.array(z.string()) })
      .openapi("Me"),
    handle: async ({ principal }) => ({
      kind: principal.kind,
      id: principal.id,
      name: principal.name,
      role: principal.kind === "system" ? ("admin" as const) : principal.role,
      scopes: principal.kind === "api_key" ? [...principal.scopes] : [],
    }),
  }),
];

async function reachGateway(gatewayUrl: string): Promise<void> {
  const answer = await fetch(new URL("/health", gatewayUrl), { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
  await answer.body?.cancel();
  if (answer.status >= 500) throw new Error(`answers ${answer.status}`);
}

async function attempt(run: () => Promise<unknown>): Promise<z.infer<typeof check>> {
  try {
    await Promise.race([run(), new Promise((_, reject) => setTimeout(reject, HEALTH_TIMEOUT_MS, new Error("no answer")).unref())]);
    return { status: "ok", detail: null };
  } catch {
    return { status: "failing", detail: "It does not answer." };
  }
}
