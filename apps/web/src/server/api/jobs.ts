import { z } from "@hono/zod-openapi";
import { cancelJob, createJob, getJob, jobKinds, jobLogs, jobMetrics, listJobs, retryJob } from "@flotilla/fleet";
import { defineRoute, idParams, pageOf, pageQuery, reasonBody, type Route } from "./define-route.ts";
import { jobLogLineSchema, jobMetricPointSchema, jobSchema, jobStateSchema } from "./job-schemas.ts";

const reads = { area: "jobs", role: "viewer" } as const;
const changes = { area: "jobs", role: "operator" } as const;

const JOB_BODY =
  'kind, and what that kind needs beside it: {kind: "benchmark", versionId, mode?, runs?}, {kind: "evaluate", versionId, datasetVersionId, split?}, ' +
  '{kind: "optimize", versionId, datasetVersionId?, preset | recipe, goal?} (answered with the job; its subjectId is the optimization)';

/** Work in the background. */
export const jobRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/jobs", tag: "Jobs", summary: "Jobs, newest first", access: reads,
    query: pageQuery.extend({ state: jobStateSchema.optional(), kind: z.enum(jobKinds).optional(), subjectId: z.string().max(64).optional() }), answer: pageOf(jobSchema),
    handle: ({ tx, principal, query }) => listJobs(tx, principal, query),
  }),
  defineRoute({
    method: "post", path: "/jobs", tag: "Jobs", summary: "Start a benchmark, an evaluation or an optimization; imports and builds start by themselves", access: changes,
    body: z.looseObject({ kind: z.enum(jobKinds) }).openapi({ description: JOB_BODY }), answer: jobSchema, status: 201,
    handle: ({ tx, principal, body: { kind, ...payload } }) => createJob(tx, principal, { kind, payload }),
  }),
  defineRoute({
    method: "get", path: "/jobs/{id}", tag: "Jobs", summary: "One job", access: reads, params: idParams, answer: jobSchema,
    handle: ({ tx, principal, params }) => getJob(tx, principal, params.id),
  }),
  defineRoute({
    method: "get", path: "/jobs/{id}/logs", tag: "Jobs", summary: "Log lines, oldest first, at most 2,000 at once", access: reads,
    params: idParams, query: z.object({ after: z.coerce.number().int().min(0).optional() }), answer: z.object({ items: z.array(jobLogLineSchema) }),
    handle: async ({ tx, principal, params, query }) => ({ items: await jobLogs(tx, principal, { jobId: params.id, after: query.after }) }),
  }),
  defineRoute({
    method: "get", path: "/jobs/{id}/metrics", tag: "Jobs", summary: "Metric points by name and step", access: reads,
    params: idParams, query: z.object({ name: z.string().max(100).optional(), after: z.coerce.number().int().min(0).optional() }), answer: z.object({ items: z.array(jobMetricPointSchema) }),
    handle: async ({ tx, principal, params, query }) => ({ items: await jobMetrics(tx, principal, { jobId: params.id, ...query }) }),
  }),
  defineRoute({
    method: "post", path: "/jobs/{id}/cancel", tag: "Jobs", summary: "End a waiting job, or ask a running one to stop", access: changes,
    params: idParams, body: reasonBody, answer: jobSchema,
    handle: ({ tx, principal, params, body }) => cancelJob(tx, principal, { id: params.id, reason: body.reason }),
  }),
  defineRoute({
    method: "post", path: "/jobs/{id}/retry", tag: "Jobs", summary: "Put an ended job back into the queue", access: changes,
    params: idParams, body: reasonBody, answer: jobSchema,
    handle: ({ tx, principal, params, body }) => retryJob(tx, principal, { id: params.id, reason: body.reason }),
  }),
];
