import { z } from "@hono/zod-openapi";
import { createModel, createVersion, getModel, getVersion, listModels, listVersions, removeAlias, retryImport, setAlias, signUploadTicket, versionUse } from "@flotilla/fleet";
import { defineRoute, idParams, pageOf, pageQuery, reasonBody, type Route } from "./define-route.ts";
import { modelSchema, versionSchema, versionUseSchema } from "./model-schemas.ts";
import { failure } from "./problems.ts";

const reads = { area: "models", role: "viewer" } as const;
const changes = { area: "models", role: "operator" } as const;
const aliasParams = idParams.extend({ alias: z.string().min(1).max(63).openapi({ param: { name: "alias", in: "path" } }) });
const uploadId = z.string().min(1).max(64);

/** Models, their versions and aliases. */
export const modelRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/models", tag: "Models", summary: "Models, newest first", access: reads,
    query: pageQuery.extend({ search: z.string().max(100).optional() }), answer: pageOf(modelSchema),
    handle: ({ tx, principal, query }) => listModels(tx, principal, query),
  }),
  defineRoute({
    method: "post", path: "/models", tag: "Models", summary: "Make an empty model", access: changes,
    body: z.object({ name: z.string().trim().min(1, "a model needs a name").max(100, "a name has at most 100 characters"), description: z.string().max(10_000).optional() }),
    answer: modelSchema, status: 201,
    handle: ({ tx, principal, body }) => createModel(tx, principal, body),
  }),
  defineRoute({
    method: "get", path: "/models/{id}", tag: "Models", summary: "One model", access: reads, params: idParams, answer: modelSchema,
    handle: ({ tx, principal, params }) => getModel(tx, principal, params.id),
  }),
  defineRoute({
    method: "get", path: "/models/{id}/versions", tag: "Models", summary: "Versions of a model, newest first", access: reads,
    params: idParams, query: pageQuery.extend({ number: z.coerce.number().int().min(1).optional() }), answer: pageOf(versionSchema),
    handle: ({ tx, principal, params, query }) => listVersions(tx, principal, { ...query, modelId: params.id }),
  }),
  defineRoute({
    method: "post", path: "/models/{id}/versions", tag: "Models", summary: "Make a version of finished uploads; an import job looks at it", access: changes,
    params: idParams,
    body: z.object({ uploadId: uploadId.optional(), uploadIds: z.array(uploadId).min(1).max(64).optional().openapi({ description: "The ONNX file and its external data" }), notes: z.string().max(10_000).optional() })
      .refine((body) => (body.uploadId === undefined) !== (body.uploadIds === undefined), "give uploadId or uploadIds"),
    answer: versionSchema, status: 201,
    handle: ({ tx, principal, params, body }) => {
      const ids = body.uploadIds ?? (body.uploadId === undefined ? [] : [body.uploadId]);
      return createVersion(tx, principal, { modelId: params.id, files: ids.map((id) => ({ uploadId: id })), notes: body.notes });
    },
  }),
  defineRoute({
    method: "put", path: "/models/{id}/aliases/{alias}", tag: "Models", summary: "Point a name at a ready version", access: changes,
    params: aliasParams, body: z.object({ versionId: z.string().min(1).max(64) }), answer: modelSchema,
    handle: ({ tx, principal, params, body }) => setAlias(tx, principal, { modelId: params.id, alias: params.alias, versionId: body.versionId }),
  }),
  defineRoute({
    method: "delete", path: "/models/{id}/aliases/{alias}", tag: "Models", summary: "Take a name away", access: changes,
    params: aliasParams, answer: modelSchema,
    handle: ({ tx, principal, params }) => removeAlias(tx, principal, { modelId: params.id, alias: params.alias }),
  }),
  defineRoute({
    method: "get", path: "/versions/{id}", tag: "Models", summary: "One version with what the import found", access: reads, params: idParams, answer: versionSchema,
    handle: ({ tx, principal, params }) => getVersion(tx, principal, params.id),
  }),
  defineRoute({
    method: "get", path: "/versions/{id}/use", tag: "Models", summary: "Where a version runs", access: reads, params: idParams, answer: versionUseSchema,
    handle: ({ tx, principal, params }) => versionUse(tx, principal, params.id),
  }),
  defineRoute({
    method: "get", path: "/versions/{id}/files/{sha256}", tag: "Models", summary: "A link that downloads one file, for 15 minutes", access: reads,
    params: idParams.extend({ sha256: z.string().regex(/^[0-9a-f]{64}$/).openapi({ param: { name: "sha256", in: "path" } }) }),
    answer: z.object({ url: z.string() }),
    handle: async ({ tx, principal, params, origin, platform }) => {
      const version = await getVersion(tx, principal, params.id);
      if (!version.files.some((file) => file.sha256 === params.sha256)) throw failure("not_found", "The version has no such file.");
      const ticket = signUploadTicket(platform.env.UPLOAD_TICKET_SECRET, { purpose: "download", subject: params.sha256 }, Date.now());
      return { url: `${origin}/artifacts/${params.sha256}?ticket=${ticket}` };
    },
  }),
  defineRoute({
    method: "post", path: "/versions/{id}/retry", tag: "Models", summary: "Look at a refused version again", access: changes,
    params: idParams, body: reasonBody, answer: versionSchema,
    handle: ({ tx, principal, params, body }) => retryImport(tx, principal, { versionId: params.id, reason: body.reason }),
  }),
];
