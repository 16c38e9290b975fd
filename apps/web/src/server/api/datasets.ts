import { z } from "@hono/zod-openapi";
import { createDataset, createDatasetVersion, datasetOptionsSchema, getDataset, getDatasetVersion, getNumberedDatasetVersion, listDatasets, listDatasetVersions, retryDatasetImport } from "@flotilla/fleet";
import { datasetSchema, datasetVersionSchema, previewedDatasetVersionSchema } from "./dataset-schemas.ts";
import { defineRoute, idParams, pageOf, pageQuery, reasonBody, type Route } from "./define-route.ts";

const reads = { area: "models", role: "viewer" } as const;
const changes = { area: "models", role: "operator" } as const;
const numberParams = idParams.extend({ n: z.coerce.number().int().min(1).max(2 ** 31 - 1).openapi({ param: { name: "n", in: "path" } }) });
const uploadId = z.string().min(1).max(64);

/** Named, versioned examples. */
export const datasetRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/datasets", tag: "Datasets", summary: "Datasets, newest first", access: reads,
    query: pageQuery.extend({ search: z.string().max(100).optional() }), answer: pageOf(datasetSchema),
    handle: ({ tx, principal, query }) => listDatasets(tx, principal, query),
  }),
  defineRoute({
    method: "post", path: "/datasets", tag: "Datasets", summary: "Make an empty dataset", access: changes,
    body: z.object({ name: z.string().trim().min(1, "a dataset needs a name").max(100, "a name has at most 100 characters"), description: z.string().max(10_000).optional() }),
    answer: datasetSchema, status: 201,
    handle: ({ tx, principal, body }) => createDataset(tx, principal, body),
  }),
  defineRoute({
    method: "get", path: "/datasets/{id}", tag: "Datasets", summary: "One dataset", access: reads, params: idParams, answer: datasetSchema,
    handle: ({ tx, principal, params }) => getDataset(tx, principal, params.id),
  }),
  defineRoute({
    method: "get", path: "/datasets/{id}/versions", tag: "Datasets", summary: "Versions of a dataset, newest first", access: reads,
    params: idParams, query: pageQuery, answer: pageOf(datasetVersionSchema),
    handle: ({ tx, principal, params, query }) => listDatasetVersions(tx, principal, { ...query, datasetId: params.id }),
  }),
  defineRoute({
    method: "post", path: "/datasets/{id}/versions", tag: "Datasets", summary: "Make a version of finished uploads; an import job reads, splits and counts it", access: changes,
    params: idParams,
    body: z.object({
      uploadId: uploadId.optional(),
      uploadIds: z.array(uploadId).min(1).max(16).optional().openapi({ description: "One ZIP, NPZ or CSV; or the images and labels of IDX or NPY" }),
      options: datasetOptionsSchema.optional(),
    }).refine((body) => (body.uploadId === undefined) !== (body.uploadIds === undefined), "give uploadId or uploadIds"),
    answer: datasetVersionSchema, status: 201,
    handle: ({ tx, principal, params, body }) => {
      const ids = body.uploadIds ?? (body.uploadId === undefined ? [] : [body.uploadId]);
      return createDatasetVersion(tx, principal, { datasetId: params.id, files: ids.map((id) => ({ uploadId: id })), options: body.options });
    },
  }),
  defineRoute({
    method: "get", path: "/datasets/{id}/versions/{n}", tag: "Datasets", summary: "One version by its number, with a few examples", access: reads, params: numberParams, answer: previewedDatasetVersionSchema,
    handle: ({ tx, principal, params }) => getNumberedDatasetVersion(tx, principal, { datasetId: params.id, number: params.n }),
  }),
  defineRoute({
    method: "get", path: "/dataset-versions/{id}", tag: "Datasets", summary: "One version by its id", access: reads, params: idParams, answer: datasetVersionSchema,
    handle: ({ tx, principal, params }) => getDatasetVersion(tx, principal, params.id),
  }),
  defineRoute({
    method: "post", path: "/dataset-versions/{id}/retry", tag: "Datasets", summary: "Look at a refused version again", access: changes,
    params: idParams, body: reasonBody, answer: datasetVersionSchema,
    handle: ({ tx, principal, params, body }) => retryDatasetImport(tx, principal, { id: params.id, reason: body.reason }),
  }),
];
