import { z } from "@hono/zod-openapi";
import { causeSchema } from "@flotilla/protocol";
import type { DeploymentView, FailureGroup, RolloutEventView, RolloutPolicy, RolloutPreview, RolloutView } from "@flotilla/fleet";
import { namedSchema } from "./device-schemas.ts";

export const rolloutStateSchema = z.enum(["draft", "running", "paused", "halted", "rolling_back", "rolled_back", "cancelled", "superseded", "completed"]);
export const deploymentStateSchema = z.enum([
  "queued", "offered", "downloading", "installing", "verifying", "succeeded", "failed", "rolled_back", "timed_out", "cancelled", "skipped", "superseded",
]);

const countsSchema = z.object({
  total: z.number(), queued: z.number(), offered: z.number(), downloading: z.number(), installing: z.number(), verifying: z.number(), succeeded: z.number(),
  failed: z.number(), rolledBack: z.number(), timedOut: z.number(), cancelled: z.number(), skipped: z.number(), superseded: z.number(),
  unreachable: z.number(), resolved: z.number(),
}).openapi("RolloutCounts");

const policySchema = z.object({
  inProgressTimeoutMs: z.number(), verifyTimeoutMs: z.number(), maxAttempts: z.number(), offlineAfterMs: z.number(), minSample: z.number(), waveTimeoutMs: z.number(),
  maxInFlight: z.number().nullable(),
}) satisfies z.ZodType<RolloutPolicy>;

export const rolloutSchema = z.object({
  id: z.string(), name: z.string(), state: rolloutStateSchema, cause: causeSchema.nullable(), version: z.number(),
  build: namedSchema, fleet: namedSchema, query: z.string(), policy: policySchema,
  waves: z.array(z.object({
    position: z.number(), percent: z.number(), soakSeconds: z.number(), maxFailurePercent: z.number(),
    state: z.enum(["pending", "active", "soaking", "passed", "failed", "skipped"]),
    openedAt: z.string().nullable(), soakUntil: z.string().nullable(), finishedAt: z.string().nullable(), counts: countsSchema,
  })),
  counts: countsSchema, rollbackCounts: countsSchema.nullable(),
  actions: z.array(z.object({ action: z.enum(["start", "pause", "resume", "cancel", "rollback", "approve"]), allowed: z.boolean(), reason: z.string().nullable() })),
  verdict: z.string(), offeredLastMinute: z.number(), createdAt: z.string(), createdByName: z.string(), startedAt: z.string().nullable(), finishedAt: z.string().nullable(),
}).openapi("Rollout") satisfies z.ZodType<RolloutView>;

export const deploymentSchema = z.object({
  id: z.string(), deviceId: z.string(), deviceName: z.string(), className: z.string(), simulated: z.boolean(), direction: z.enum(["forward", "rollback"]),
  wave: z.number(), state: deploymentStateSchema, reachable: z.boolean(), skipReason: z.string().nullable(), failureCode: z.string().nullable(), failureDetail: z.string().nullable(),
  recovery: z.string().nullable(), previousBuild: namedSchema.nullable(), attempt: z.number(),
  offeredAt: z.string().nullable(), deadlineAt: z.string().nullable(), finishedAt: z.string().nullable(), updatedAt: z.string(),
}).openapi("Deployment") satisfies z.ZodType<DeploymentView>;

export const rolloutEventSchema = z.object({
  id: z.string(), at: z.string(), actorKind: z.string(), actorName: z.string(), kind: z.string(), sentence: z.string(), detail: z.unknown(),
}).openapi("RolloutEvent") satisfies z.ZodType<RolloutEventView>;

export const failureGroupSchema = z.object({
  code: z.string(), detail: z.string().nullable(), className: z.string(), devices: z.number(),
  sample: z.array(z.object({ deploymentId: z.string(), deviceId: z.string(), deviceName: z.string() })),
}).openapi("FailureGroup") satisfies z.ZodType<FailureGroup>;

export const rolloutPreviewSchema = z.object({
  eligible: z.number(),
  excluded: z.array(z.object({ reason: z.enum(["no_variant", "already_running", "revoked", "in_other_rollout"]), sentence: z.string(), devices: z.number(), sample: z.array(namedSchema) })),
  cautions: z.array(z.object({ devices: z.number(), sentence: z.string() })),
  unreachable: z.number(),
  waves: z.array(z.object({ percent: z.number(), devices: z.number(), byClass: z.array(z.object({ className: z.string(), devices: z.number() })) })),
  sentence: z.string(),
}).openapi("RolloutPreview") satisfies z.ZodType<RolloutPreview>;
