import { z } from "@hono/zod-openapi";
import { queryLatency } from "@flotilla/fleet";
import { defineRoute, type Route } from "./define-route.ts";
import { latencyAnswerSchema } from "./latency-schemas.ts";
import { failure } from "./problems.ts";

const HOUR_MS = 3_600_000;
const MAX_RANGE_MS = 731 * 24 * HOUR_MS;
/** More points than anybody can see; each holds a merged histogram. */
const MAX_POINTS = 2_000;

const timeSchema = z.union([z.iso.datetime({ offset: true }), z.string().regex(/^\d{10,15}$/)], "an ISO time like 2026-11-24T03:00:00Z, or milliseconds since 1970")
  .transform((text) => (/^\d+$/.test(text) ? new Date(Number(text)) : new Date(text)));

const latencyQuerySchema = z.object({
  fleet: z.string().max(64).optional(), model: z.string().max(64).optional(), build: z.string().max(64).optional(),
  class: z.string().max(63).optional(), device: z.string().max(64).optional(), mode: z.enum(["back_to_back", "scheduled", "field", "simulated"]).optional(),
  from: timeSchema.optional().openapi({ type: "string", description: "Default: an hour before `to`" }),
  to: timeSchema.optional().openapi({ type: "string", description: "Default: now" }),
  step: z.coerce.number().int().min(60, "steps are at least 60 seconds").max(86_400 * 31).optional().openapi({ description: "Seconds; default: 300 points or fewer" }),
  groupBy: z.enum(["none", "build", "class", "fleet", "device", "version"]).default("none"),
});

/** Latency over time, from merged histograms. */
export const latencyRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/latency", tag: "Latency", summary: "Percentiles and histograms over time, split as asked", access: { area: "latency", role: "viewer" },
    query: latencyQuerySchema, answer: latencyAnswerSchema,
    handle: ({ tx, principal, query }) => {
      const to = query.to ?? new Date();
      const from = query.from ?? new Date(to.getTime() - HOUR_MS);
      const span = to.getTime() - from.getTime();
      if (!(span > 0)) throw failure("bad_request", "from: must lie before to");
      if (span > MAX_RANGE_MS) throw failure("bad_request", "from: days are kept for two years; ask for less");
      if (query.step !== undefined && span / 1000 / query.step > MAX_POINTS) throw failure("bad_request", `step: gives more than ${MAX_POINTS} points; use ${Math.ceil(span / 1000 / MAX_POINTS)} seconds or more`);
      return queryLatency(tx, principal, {
        fleetId: query.fleet, modelId: query.model, buildId: query.build, className: query.class, deviceId: query.device, mode: query.mode,
        from, to, stepSeconds: query.step ?? null, groupBy: query.groupBy,
      });
    },
  }),
];
