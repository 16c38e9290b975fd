import { z } from "@hono/zod-openapi";
import {
  approveRollout, cancelRollout, createRollout, failureGroups, getRollout, listDeployments, listRollouts, pauseRollout, previewRollout, resumeRollout, rollbackRollout, rolloutEvents, startRollout,
} from "@flotilla/fleet";
import { defineRoute, idParams, pageOf, pageQuery, type Route } from "./define-route.ts";
import { deploymentSchema, deploymentStateSchema, failureGroupSchema, rolloutEventSchema, rolloutPreviewSchema, rolloutSchema, rolloutStateSchema } from "./rollout-schemas.ts";

const wavesSchema = z.array(z.object({
  percent: z.number().gt(0, "a share is above 0 %").max(100, "a share is at most 100 %").openapi({ description: "Cumulative share of the fleet after this wave" }),
  soakSeconds: z.number().int().min(0).max(604_800).optional(),
  maxFailurePercent: z.number().min(0).max(100).optional(),
})).min(1, "a rollout has at least one wave").max(20, "a rollout has at most 20 waves");

const target = { buildId: z.string().min(1).max(64), fleetId: z.string().min(1).max(64), waves: wavesSchema };

const policySchema = z.object({
  inProgressTimeoutMs: z.number().int(), verifyTimeoutMs: z.number().int(), maxAttempts: z.number().int(), minSample: z.number().int(), waveTimeoutMs: z.number().int(),
  offlineAfterMs: z.number().int().nullable().openapi({ description: "null: three sync intervals" }),
  maxInFlight: z.number().int().nullable().openapi({ description: "Most devices between offer and end at any moment; null: no limit" }),
}).partial();

const actionBody = z.object({
  reason: z.string().trim().max(1000).optional(),
  expectedVersion: z.number().int().nonnegative().optional().openapi({ description: "Refuse with version_mismatch when somebody acted in between" }),
});

const ACTIONS = {
  start: { run: startRollout, summary: "Start a draft" },
  pause: { run: pauseRollout, summary: "Stop spreading; devices that have begun finish" },
  resume: { run: resumeRollout, summary: "Go on; after a halt with a reason" },
  cancel: { run: cancelRollout, summary: "End it; devices keep what they have" },
  rollback: { run: rollbackRollout, summary: "Take each device back to its own previous build" },
  approve: { run: approveRollout, summary: "Let a wave that waits for a person begin" },
} as const;

/** Without the members that were left out: absent and undefined are told apart by the domain. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** Rollouts: plan, start, stop, explain. */
export const rolloutRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/rollouts", tag: "Rollouts", summary: "Rollouts, newest first", access: { area: "rollouts", role: "viewer" },
    query: pageQuery.extend({ state: rolloutStateSchema.optional(), fleet: z.string().max(64).optional() }), answer: pageOf(rolloutSchema),
    handle: ({ tx, principal, query: { fleet, ...rest } }) => listRollouts(tx, principal, { ...rest, fleetId: fleet }),
  }),
  defineRoute({
    method: "post", path: "/rollouts/preview", tag: "Rollouts", summary: "What starting would do; changes nothing", access: { area: "rollouts", role: "viewer" },
    body: z.object(target), answer: rolloutPreviewSchema,
    handle: ({ tx, principal, body }) => previewRollout(tx, principal, body),
  }),
  defineRoute({
    method: "post", path: "/rollouts", tag: "Rollouts", summary: "Plan a rollout; it starts with …/start", access: { area: "rollouts", role: "operator" },
    body: z.object({ ...target, name: z.string().trim().max(128).optional(), policy: policySchema.optional() }), answer: rolloutSchema, status: 201,
    handle: ({ tx, principal, body }) => createRollout(tx, principal, { ...body, policy: body.policy && given(body.policy) }),
  }),
  defineRoute({
    method: "get", path: "/rollouts/{id}", tag: "Rollouts", summary: "One rollout: state, cause, waves, counts", access: { area: "rollouts", role: "viewer" },
    params: idParams, answer: rolloutSchema,
    handle: ({ tx, principal, params }) => getRollout(tx, principal, { id: params.id }),
  }),
  defineRoute({
    method: "get", path: "/rollouts/{id}/deployments", tag: "Rollouts", summary: "Its devices, one by one", access: { area: "rollouts", role: "viewer" },
    params: idParams, query: pageQuery.extend({ state: deploymentStateSchema.optional(), wave: z.coerce.number().int().min(0).max(100).optional(), direction: z.enum(["forward", "rollback"]).optional() }), answer: pageOf(deploymentSchema),
    handle: ({ tx, principal, params, query }) => listDeployments(tx, principal, { ...query, rolloutId: params.id }),
  }),
  defineRoute({
    method: "get", path: "/rollouts/{id}/failures", tag: "Rollouts", summary: "Its failures, grouped by what they have in common", access: { area: "rollouts", role: "viewer" },
    params: idParams, answer: z.object({ items: z.array(failureGroupSchema) }),
    handle: async ({ tx, principal, params }) => ({ items: await failureGroups(tx, principal, { rolloutId: params.id }) }),
  }),
  defineRoute({
    method: "get", path: "/rollouts/{id}/events", tag: "Rollouts", summary: "What happened to it, newest first", access: { area: "rollouts", role: "viewer" },
    params: idParams, query: pageQuery, answer: pageOf(rolloutEventSchema),
    handle: ({ tx, principal, params, query }) => rolloutEvents(tx, principal, { ...query, rolloutId: params.id }),
  }),
  ...Object.entries(ACTIONS).map(([action, { run, summary }]) =>
    defineRoute({
      method: "post", path: `/rollouts/{id}/${action}`, tag: "Rollouts", summary, access: { area: "rollouts", role: "operator" },
      params: idParams, body: actionBody, answer: rolloutSchema,
      handle: ({ tx, principal, params, body }) => run(tx, principal, { id: params.id, ...body }),
    })),
];
