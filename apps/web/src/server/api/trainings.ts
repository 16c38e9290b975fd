import { z } from "@hono/zod-openapi";
import { createTraining, fittingTemplates, getTraining, listTrainings, stopTraining } from "@flotilla/fleet";
import { defineRoute, idParams, pageOf, pageQuery, type Route } from "./define-route.ts";
import { fittingTemplateSchema, trainingViewSchema } from "./training-schemas.ts";

const reads = { area: "models", role: "viewer" } as const;
const runs = { area: "jobs", role: "operator" } as const;
const id = z.string().min(1).max(64);

/** Trainings. Their curves and log are those of the job; it is cancelled and tried again there. */
export const trainingRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/training-templates", tag: "Trainings", summary: "Networks that can be trained on a dataset version, with their sizes", access: reads,
    query: z.object({ datasetVersionId: id }), answer: z.object({ items: z.array(fittingTemplateSchema) }),
    handle: async ({ tx, principal, query }) => ({ items: await fittingTemplates(tx, principal, query.datasetVersionId) }),
  }),
  defineRoute({
    method: "get", path: "/trainings", tag: "Trainings", summary: "Trainings, newest first", access: reads,
    query: pageQuery.extend({ state: z.enum(["queued", "running", "succeeded", "failed", "cancelled", "quarantined"]).optional(), datasetId: id.optional() }), answer: pageOf(trainingViewSchema),
    handle: ({ tx, principal, query }) => listTrainings(tx, principal, query),
  }),
  defineRoute({
    method: "post", path: "/trainings", tag: "Trainings", summary: "Train a network from a template, or a version further", access: runs, status: 201,
    body: z.strictObject({
      datasetVersionId: id, template: z.strictObject({ id: z.string().max(64), preset: z.string().max(64) }).optional(), versionId: id.optional(),
      freezeUpTo: z.string().min(1).max(1_000).optional().openapi({ description: "A node: the weights up to it stay as they are" }), modelName: z.string().max(200).optional(),
      outside: z.strictObject({ script: z.string().max(200), parameters: z.record(z.string(), z.unknown()).optional() }).optional().openapi({ description: "An outside runner trains it, with a script of its own" }),
      recipe: z.unknown().optional(),
    }),
    answer: trainingViewSchema,
    handle: ({ tx, principal, body }) => createTraining(tx, principal, body),
  }),
  defineRoute({
    method: "get", path: "/trainings/{id}", tag: "Trainings", summary: "One training", access: reads, params: idParams, answer: trainingViewSchema,
    handle: ({ tx, principal, params }) => getTraining(tx, principal, params.id),
  }),
  defineRoute({
    method: "post", path: "/trainings/{id}/stop", tag: "Trainings", summary: "End it now and keep the best", access: runs, params: idParams,
    body: z.strictObject({ reason: z.string().max(2_000).optional() }), answer: trainingViewSchema,
    handle: ({ tx, principal, params, body }) => stopTraining(tx, principal, { id: params.id, reason: body.reason }),
  }),
];
