import { z } from "@hono/zod-openapi";
import { compareVersions, getOptimization, getPreprocessing, listOptimizations, preprocessingSchema, presets, requireRole, setPreprocessing, techniqueInfos, variantTree, versionReport } from "@flotilla/fleet";
import { splitSchema } from "./dataset-schemas.ts";
import { defineRoute, idParams, pageOf, pageQuery, type Route } from "./define-route.ts";
import { compareSchema, versionReportSchema } from "./number-schemas.ts";
import { optimizationSchema, recipeBookSchema, variantNodeSchema } from "./optimization-schemas.ts";

const reads = { area: "models", role: "viewer" } as const;
const changes = { area: "models", role: "operator" } as const;
const id = z.string().min(1).max(64);
const preprocessingAnswer = z.object({ preprocessing: preprocessingSchema.nullable(), suggested: preprocessingSchema.nullable() });

/** Recipes, what they made of versions, and the numbers of versions. An optimization is started as a job. */
export const optimizationRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/recipes", tag: "Optimizations", summary: "Presets and techniques, for a recipe builder", access: reads, answer: recipeBookSchema,
    handle: async ({ principal }) => {
      requireRole(principal, "models", "viewer");
      return { presets: [...presets], techniques: [...techniqueInfos] };
    },
  }),
  defineRoute({
    method: "get", path: "/optimizations", tag: "Optimizations", summary: "Optimizations, newest first", access: reads,
    query: pageQuery.extend({ versionId: id.optional() }), answer: pageOf(optimizationSchema),
    handle: ({ tx, principal, query }) => listOptimizations(tx, principal, query),
  }),
  defineRoute({
    method: "get", path: "/optimizations/{id}", tag: "Optimizations", summary: "One optimization with what each technique came to", access: reads, params: idParams, answer: optimizationSchema,
    handle: ({ tx, principal, params }) => getOptimization(tx, principal, params.id),
  }),
  defineRoute({
    method: "get", path: "/versions/{id}/variants", tag: "Optimizations", summary: "The version's oldest ancestor and all that was made of it", access: reads, params: idParams,
    answer: z.object({ rootId: z.string(), items: z.array(variantNodeSchema) }),
    handle: ({ tx, principal, params }) => variantTree(tx, principal, params.id),
  }),
  defineRoute({
    method: "get", path: "/versions/{id}/report", tag: "Optimizations", summary: "Every number known of a version, with how it was measured", access: reads, params: idParams, answer: versionReportSchema,
    handle: ({ tx, principal, params }) => versionReport(tx, principal, params.id),
  }),
  defineRoute({
    method: "get", path: "/versions/{id}/preprocessing", tag: "Models", summary: "How examples become the version's input, and a first guess", access: reads, params: idParams, answer: preprocessingAnswer,
    handle: ({ tx, principal, params }) => getPreprocessing(tx, principal, params.id),
  }),
  defineRoute({
    method: "put", path: "/versions/{id}/preprocessing", tag: "Models", summary: "Say how examples become the version's input", access: changes, params: idParams, body: preprocessingSchema, answer: preprocessingAnswer,
    handle: ({ tx, principal, params, body }) => setPreprocessing(tx, principal, { versionId: params.id, preprocessing: body }),
  }),
  defineRoute({
    method: "get", path: "/compare", tag: "Optimizations", summary: "Versions side by side: differences to a baseline, Pareto front, classes", access: reads,
    query: z.object({
      versions: z.string().min(1).max(1_000).openapi({ description: "Ids with commas between, at most 12" }),
      baseline: id.optional().openapi({ description: "Default: the first" }), dataset: id.optional().openapi({ description: "A dataset version; default: the one most of them were evaluated on" }), split: splitSchema.optional(),
    }),
    answer: compareSchema,
    handle: ({ tx, principal, query }) =>
      compareVersions(tx, principal, { versionIds: query.versions.split(",").map((text) => text.trim()).filter((text) => text !== ""), baselineId: query.baseline, datasetVersionId: query.dataset, split: query.split }),
  }),
];
