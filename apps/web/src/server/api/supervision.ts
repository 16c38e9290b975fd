import { countUsers } from "@flotilla/fleet";
import { FLOTILLA_VERSION } from "@flotilla/protocol";
import type { Platform } from "../platform.ts";
import { carriesToken } from "../web-metrics.ts";
import { failure } from "./problems.ts";

/** A supervisor that waits longer has given up already. */
const READY_TIMEOUT_MS = 2_000;

/**
 * GET /api/v1/metrics for whoever holds METRICS_TOKEN; not found where there is none. People's keys do not open it: a monitoring system
 * needs no right to anything else, and must see something while the database is away.
 */
export async function metricsFor(platform: Platform, headers: Headers): Promise<Response> {
  const token = platform.env.METRICS_TOKEN;
  if (token === undefined) throw failure("not_found", "Metrics are off: METRICS_TOKEN is not set.");
  if (!carriesToken(headers, token)) throw failure("unauthenticated", "Send METRICS_TOKEN as a bearer token.");
  return platform.metrics.answer();
}

/** GET /api/v1/health/ready: whether this process should get requests. The gateway is not asked: pages work without it. */
export async function readiness(platform: Platform): Promise<Response> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("no answer")), READY_TIMEOUT_MS);
  const database = await Promise.race([countUsers(platform.db.prisma), tooLate]).then(() => "ok" as const, () => "failing" as const);
  clearTimeout(timer);
  const isReady = database === "ok";
  return Response.json({ status: isReady ? "ok" : "failing", version: FLOTILLA_VERSION, checks: { database } }, { status: isReady ? 200 : 503, headers: { "cache-control": "no-store" } });
}
