import { z } from "@hono/zod-openapi";
import { claimForRunner, completeRunnerUpload, deliverFromRunner, reportFromRunner, signUploadTicket, startRunnerUpload, type RunnerFile, type RunnerTask, type TrainingRecipe } from "@flotilla/fleet";
import type { Platform } from "../platform.ts";
import { defineRoute, idParams, type Route } from "./define-route.ts";
import { jobStateSchema } from "./job-schemas.ts";
import { uploadSchema } from "./model-schemas.ts";
import { finishBody, heartbeatBody, leased, logsBody, metricsBody, runnerAnswerSchema, runnerTaskSchema, runnerUploadBody } from "./runner-schemas.ts";
import { commitOnGateway, withPartUrl } from "./uploads.ts";

const access = { area: "runner", role: "operator" } as const;
const tag = "Outside runners";
/** Datasets may be large and lines slow; who claims again gets new links. */
const LINK_TTL_MS = 6 * 3600_000;

/** Training scripts on machines of their own: claim, report, upload, finish. Every call after the claim carries the lease. */
export const runnerRoutes: Route[] = [
  defineRoute({
    method: "post", path: "/runner/claim", tag, summary: "Take the training that has waited longest; null when none waits", access,
    body: z.strictObject({ runner: z.string().min(1).max(100).openapi({ description: "Names the machine in the job's log" }) }), answer: z.object({ task: runnerTaskSchema.nullable() }),
    handle: async ({ tx, principal, body, platform, origin }) => {
      const task = await claimForRunner(tx, principal, body);
      return { task: task === null ? null : withLinks(task, platform, origin) };
    },
  }),
  defineRoute({
    method: "post", path: "/runner/jobs/{id}/heartbeat", tag, summary: "Keep the lease, say where it stands; told whether to stop", access, params: idParams, body: heartbeatBody, answer: runnerAnswerSchema,
    handle: ({ tx, principal, params, body: { leaseToken, ...report } }) => reportFromRunner(tx, principal, { jobId: params.id, leaseToken, report }),
  }),
  defineRoute({
    method: "post", path: "/runner/jobs/{id}/metrics", tag, summary: "Points of curves; the same name and step replaces the older one", access, params: idParams, body: metricsBody, answer: runnerAnswerSchema,
    handle: ({ tx, principal, params, body }) => reportFromRunner(tx, principal, { jobId: params.id, leaseToken: body.leaseToken, report: { metrics: body.points } }),
  }),
  defineRoute({
    method: "post", path: "/runner/jobs/{id}/logs", tag, summary: "Lines of the log", access, params: idParams, body: logsBody, answer: runnerAnswerSchema,
    handle: ({ tx, principal, params, body }) => reportFromRunner(tx, principal, { jobId: params.id, leaseToken: body.leaseToken, report: { logs: body.lines } }),
  }),
  defineRoute({
    method: "post", path: "/runner/jobs/{id}/uploads", tag, summary: "Announce the trained model; send its parts to partUrl", access, params: idParams, body: runnerUploadBody, answer: uploadSchema, status: 201,
    handle: async ({ tx, principal, params, body, platform, origin }) => withPartUrl(platform, origin, await startRunnerUpload(tx, principal, { jobId: params.id, ...body })),
  }),
  defineRoute({
    method: "post", path: "/runner/jobs/{id}/uploads/{uploadId}/complete", tag, summary: "All parts are sent: check length and digest, and keep the file", access, ownTransactions: true,
    params: idParams.extend({ uploadId: z.string().min(1).max(64).openapi({ param: { name: "uploadId", in: "path" } }) }), body: leased, answer: uploadSchema,
    handle: async ({ principal, params, body, platform, inTx, requestId }) => {
      const wish = { jobId: params.id, leaseToken: body.leaseToken, uploadId: params.uploadId };
      const view = await inTx((tx) => completeRunnerUpload(tx, principal, wish));
      if (view.state === "complete") return view;
      await commitOnGateway(platform, view.uploadId, requestId);
      return inTx((tx) => completeRunnerUpload(tx, principal, wish));
    },
  }),
  defineRoute({
    method: "post", path: "/runner/jobs/{id}/finish", tag, summary: "Hand the model over to be checked, or say why there is none", access, params: idParams, body: finishBody, answer: z.object({ state: jobStateSchema }),
    handle: ({ tx, principal, params, body: { leaseToken, model, failure } }) =>
      deliverFromRunner(tx, principal, { jobId: params.id, leaseToken, end: model === undefined ? { kind: "failed", cause: failure ?? "" } : { kind: "trained", ...model } }),
  }),
];

function withLinks(task: RunnerTask, platform: Platform, origin: string) {
  const linked = (file: RunnerFile) => {
    const ticket = signUploadTicket(platform.env.UPLOAD_TICKET_SECRET, { purpose: "download", subject: file.sha256 }, Date.now(), LINK_TTL_MS);
    return { ...file, url: `${origin}/artifacts/${file.sha256}?ticket=${ticket}` };
  };
  return {
    ...task,
    training: { ...task.training, recipe: task.training.recipe as TrainingRecipe },
    dataset: { ...task.dataset, files: task.dataset.files.map(linked) },
    parent: task.parent === null ? null : { ...task.parent, files: task.parent.files.map(linked) },
  };
}
