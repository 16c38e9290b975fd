import { z } from "@hono/zod-openapi";
import type { LatencyAnswer } from "@flotilla/fleet";

const pointSchema = z.object({
  t: z.string(), count: z.number(), errors: z.number(),
  p50: z.number().nullable(), p90: z.number().nullable(), p95: z.number().nullable(), p99: z.number().nullable(), max: z.number().nullable(), mean: z.number().nullable(),
}).openapi("LatencyPoint", { description: "Milliseconds from merged histograms; null where there was no sample." });

export const latencyAnswerSchema = z.object({
  from: z.string(), to: z.string(), stepSeconds: z.number(),
  series: z.array(z.object({ key: z.string(), label: z.string(), mode: z.string(), points: z.array(pointSchema), total: pointSchema })),
  heatmap: z.array(z.object({ mode: z.string(), points: z.array(z.object({ t: z.string(), buckets: z.array(z.number()) })) })),
  markers: z.array(z.object({ t: z.string(), kind: z.string(), label: z.string(), rolloutId: z.string() })),
  emptyReason: z.enum(["none", "no_samples", "no_reporting_device"]),
  lastSampleAt: z.string().nullable(),
}).openapi("LatencyAnswer") satisfies z.ZodType<LatencyAnswer>;
