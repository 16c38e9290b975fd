import { createHash, randomUUID } from "node:crypto";
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { withTx, type Tx } from "@flotilla/db";
import { beginIdempotent, finishIdempotent, type Principal } from "@flotilla/fleet";
import { FLOTILLA_VERSION, FleetError, problemSchema } from "@flotilla/protocol";
import type { Context } from "hono";
import { callerOf } from "../caller.ts";
import type { Platform } from "../platform.ts";
import type { Route, RouteContext } from "./define-route.ts";
import { failure, invalidInput, problemResponse } from "./problems.ts";
import { routes } from "./routes.ts";
import { originOf, requireSameOrigin } from "./same-origin.ts";
import { streamChanges } from "./events.ts";
import { metricsFor, readiness } from "./supervision.ts";

const BODY_MAX_BYTES = 1024 * 1024;

type Result = { status: number; body: unknown; cookies?: readonly string[]; replayed?: boolean };

/** The operator API over these parts. The same function serves the web process and the tests. */
export function createApi(platform: Platform): OpenAPIHono {
  const app = new OpenAPIHono();
  for (const route of routes) register(app, platform, route);
  app.get("/api/v1/events", (c) => answer(platform, c, "/events", (requestId) => streamChanges(platform, c.req.raw, requestId)));
  app.get("/api/v1/metrics", (c) => answer(platform, c, "/metrics", () => metricsFor(platform, c.req.raw.headers)));
  app.get("/api/v1/health/live", (c) => c.json({ status: "ok", version: FLOTILLA_VERSION }));
  app.get("/api/v1/health/ready", () => readiness(platform));
  app.notFound((c) => problemResponse(failure("not_found", `There is no ${c.req.method} ${new URL(c.req.url).pathname}.`), requestIdOf(c)));
  describe(app);
  return app;
}

function register(app: OpenAPIHono, platform: Platform, route: Route): void {
  app.openAPIRegistry.registerPath(descriptionOf(route));
  const path = `/api/v1${route.path.replaceAll(/\{(\w+)\}/g, ":$1")}`;
  app.on(route.method.toUpperCase(), path, (c) => answer(platform, c, route.path, (requestId) => run(platform, route, c, requestId)));
}

/** Every answer of the API leaves through here: request id, no caching, problem documents, one log line for what broke, one observation. */
async function answer(platform: Platform, c: Context, route: string, run: (requestId: string) => Promise<Response>): Promise<Response> {
  const startedMs = performance.now();
  const response = await answerOrProblem(platform, c, run);
  platform.metrics.requestEnded(c.req.method, route, response.status, (performance.now() - startedMs) / 1_000);
  return response;
}

async function answerOrProblem(platform: Platform, c: Context, run: (requestId: string) => Promise<Response>): Promise<Response> {
  const requestId = requestIdOf(c);
  try {
    return await run(requestId);
  } catch (error) {
    if (!(error instanceof FleetError)) platform.log.error({ err: error, requestId, method: c.req.method, path: c.req.path }, "request failed");
    else if (error.internal !== undefined) platform.log.warn({ err: error, requestId, path: c.req.path }, error.internal);
    return problemResponse(error, requestId);
  }
}

async function run(platform: Platform, route: Route, c: Context, requestId: string): Promise<Response> {
  const { headers } = c.req.raw;
  const caller = await callerOf(platform, headers, requestId);
  const origin = originOf(headers, c.req.url, platform.env.PUBLIC_URL);
  if (caller.via !== "api_key") requireSameOrigin(c.req.method, headers, origin);
  if (route.access !== "anyone" && caller.principal === null) throw failure("unauthenticated", "Sign in, or send an API key as a bearer token.");
  const text = await readBody(c.req.raw);
  const given = {
    params: parse(route.params, "path", c.req.param()),
    query: parse(route.query, "query", Object.fromEntries(new URL(c.req.url).searchParams)),
    body: parse(route.body, "body", text === "" ? {} : parseJson(text)),
  };
  const principal = caller.principal as Principal;
  const inTx = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => withTx(platform.db, work);
  const handle = async (tx: Tx): Promise<Result> => {
    const cookies: string[] = [];
    const context = { ...given, tx, principal, sessionId: caller.via === "cookie" ? caller.sessionId : null, request: c.req.raw, requestId, origin, platform, inTx, cookies } as RouteContext<undefined, undefined, undefined>;
    return { status: route.status ?? 200, body: await route.handle(context), cookies };
  };
  if (route.method === "get") return respond(await handle(platform.db.prisma), requestId);
  const key = headers.get("idempotency-key");
  if (key === null || caller.principal === null) {
    const result = route.ownTransactions === true ? await handle(platform.db.prisma) : await inTx(handle);
    return respond(result, requestId);
  }
  const hash = createHash("sha256").update(`${c.req.method} ${c.req.path}\n${text}`).digest("hex");
  return respond(await once(platform, route, principal, { key, hash }, handle), requestId);
}

/** Runs a mutation once per Idempotency-Key: in its own transaction where it has only one, else around it. */
async function once(
  platform: Platform,
  route: Route,
  principal: Principal,
  request: { key: string; hash: string },
  handle: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  const begin = (tx: Tx) => beginIdempotent(tx, principal, request.key, request.hash);
  const finish = (tx: Tx, result: Result) =>
    finishIdempotent(tx, principal, request.key, result.status, route.forget ? route.forget(result.body as Record<string, never>) : result.body);
  if (route.ownTransactions !== true) {
    return withTx(platform.db, async (tx) => {
      const found = await begin(tx);
      if (found.kind === "replay") return { status: found.status, body: found.response, replayed: true };
      const result = await handle(tx);
      await finish(tx, result);
      return result;
    });
  }
  const found = await withTx(platform.db, begin);
  if (found.kind === "replay") return { status: found.status, body: found.response, replayed: true };
  try {
    const result = await handle(platform.db.prisma);
    await withTx(platform.db, (tx) => finish(tx, result));
    return result;
  } catch (error) {
    // Nothing was answered, so the key is free for another try.
    await platform.db.prisma.idempotencyRecord.deleteMany({ where: { principalId: principal.id, key: request.key, status: null } });
    throw error;
  }
}

function respond(result: Result, requestId: string): Response {
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-store", "x-request-id": requestId });
  if (result.replayed === true) headers.set("idempotency-replayed", "true");
  for (const cookie of result.cookies ?? []) headers.append("set-cookie", cookie);
  return new Response(JSON.stringify(result.body), { status: result.status, headers });
}

function parse(schema: z.ZodType | undefined, where: "body" | "query" | "path", value: unknown): unknown {
  if (schema === undefined) return {};
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalidInput(where, parsed.error.issues);
  return parsed.data;
}

/** The body as text, at most 1 MiB, and JSON only: a form of another site cannot send that without asking first. */
async function readBody(request: Request): Promise<string> {
  if (request.method === "GET" || request.method === "HEAD" || request.body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > BODY_MAX_BYTES) throw failure("payload_too_large", "A request body may have up to 1 MiB.");
    chunks.push(chunk);
  }
  if (size === 0) return "";
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\b/i.test(type)) throw failure("unsupported_media_type", "Send the body as application/json.");
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw failure("bad_request", "The body is not valid JSON.");
  }
}

function requestIdOf(c: Context): string {
  const given = c.req.header("x-request-id");
  return given !== undefined && /^[\w.-]{1,64}$/.test(given) ? given : `req_${randomUUID()}`;
}

function descriptionOf(route: Route) {
  const access = route.access === "anyone" ? "" : route.access === "signed_in" ? "Needs anybody who is signed in." : `Needs the role ${route.access.role} in the area ${route.access.area}.`;
  const problem = { description: "Problem document (RFC 9457)", content: { "application/problem+json": { schema: problemSchema } } };
  return createRoute({
    method: route.method,
    path: `/api/v1${route.path}`,
    tags: [route.tag],
    summary: route.summary,
    ...(access && { description: access }),
    security: route.access === "anyone" ? [] : [{ session: [] }, { apiKey: [] }],
    request: {
      ...(route.params && { params: route.params }),
      ...(route.query && { query: route.query }),
      ...(route.body && { body: { content: { "application/json": { schema: route.body } } } }),
      ...(route.method !== "get" && { headers: z.object({ "idempotency-key": z.string().max(255).optional().openapi({ description: "Same key, same answer, for 24 hours" }) }) }),
    },
    responses: {
      [route.status ?? 200]: { description: "Done", content: { "application/json": { schema: route.answer } } },
      default: problem,
    },
  });
}

function describe(app: OpenAPIHono): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "session", { type: "apiKey", in: "cookie", name: "flotilla.session_token" });
  app.openAPIRegistry.registerComponent("securitySchemes", "apiKey", { type: "http", scheme: "bearer", description: "An API key: flk_…" });
  app.openAPIRegistry.registerPath({
    method: "get",
    path: "/api/v1/events",
    tags: ["Platform"],
    summary: "Server-sent events: which objects changed, by id and topic. Resumes after Last-Event-ID.",
    security: [{ session: [] }, { apiKey: [] }],
    responses: { 200: { description: "A stream of events `change` and `pruned`", content: { "text/event-stream": { schema: z.string() } } } },
  });
  app.doc31("/api/v1/openapi.json", {
    openapi: "3.1.0",
    info: { title: "Flotilla operator API", version: FLOTILLA_VERSION, description: "Everything the dashboard does. Cookies for people, API keys for tools; failures are problem documents." },
  });
}
