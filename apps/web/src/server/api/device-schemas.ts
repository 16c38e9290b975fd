import { z } from "@hono/zod-openapi";
import { deviceClassSchema, resourceReportSchema, slotReportSchema } from "@flotilla/protocol";
import type { DeviceRow, DeviceSummary, DeviceView, FleetPreview, FleetView } from "@flotilla/fleet";

/** A name beside its id. */
export const namedSchema = z.object({ id: z.string(), name: z.string() });
const presenceSchema = z.enum(["reporting", "late", "silent", "never"]);

export const deviceRowSchema = z.object({
  id: z.string(), name: z.string(), className: z.string(), arch: z.string(), simulated: z.boolean(), labels: z.record(z.string(), z.string()),
  presence: presenceSchema, lastSeenAt: z.string().nullable(),
  wantedBuild: namedSchema.nullable(), actualBuild: namedSchema.nullable(), drift: z.boolean(), phase: z.string(), state: z.enum(["active", "revoked"]),
  p95Ms: z.number().nullable(), errors: z.number().nullable(),
}).openapi("DeviceRow") satisfies z.ZodType<DeviceRow>;

export const deviceViewSchema = deviceRowSchema.extend({
  class: deviceClassSchema, pinned: z.boolean(), enrolledAt: z.string(), agentVersion: z.string(), bootId: z.string().nullable(),
  phaseDetail: z.string().nullable(), wantedSince: z.string().nullable(), actualSince: z.string().nullable(), whyNot: z.string().nullable(),
  runningSha256: z.string().nullable(), runningVersionId: z.string().nullable(), slots: z.array(slotReportSchema), resources: resourceReportSchema.nullable(),
  deployments: z.array(z.object({
    id: z.string(), rolloutId: z.string(), rolloutName: z.string(), direction: z.string(), state: z.string(),
    failureCode: z.string().nullable(), failureDetail: z.string().nullable(), updatedAt: z.string(),
  })),
  keyChange: z.object({ id: z.string(), createdAt: z.string() }).nullable(),
  telemetry: z.object({ storedWindows: z.number(), droppedWindows: z.number() }),
}).openapi("Device") satisfies z.ZodType<DeviceView>;

export const deviceSummarySchema = z.object({
  total: z.number(), byPresence: z.object({ reporting: z.number(), late: z.number(), silent: z.number(), never: z.number() }), drift: z.number(),
  byClass: z.array(z.object({ className: z.string(), devices: z.number(), simulated: z.boolean() })),
  byBuild: z.array(z.object({ buildId: z.string().nullable(), buildName: z.string().nullable(), devices: z.number() })),
}).openapi("DeviceSummary") satisfies z.ZodType<DeviceSummary>;

export const fleetSchema = z.object({
  id: z.string(), name: z.string(), query: z.string(), devices: z.number(), simulatedDevices: z.number(), createdAt: z.string(), createdByName: z.string(),
}).openapi("Fleet") satisfies z.ZodType<FleetView>;

export const fleetPreviewSchema = z.object({
  query: z.string(), devices: z.number(), byClass: z.array(z.object({ className: z.string(), devices: z.number() })), sample: z.array(namedSchema),
}).openapi("FleetPreview") satisfies z.ZodType<FleetPreview>;
