import { z } from "@hono/zod-openapi";
import { areas, createApiKey, createEnrollmentToken, listApiKeys, listAudit, listEnrollmentTokens, revokeApiKey, revokeEnrollmentToken } from "@flotilla/fleet";
import { labelsSchema } from "@flotilla/protocol";
import { apiKeySchema, auditSchema, enrollmentTokenSchema, roleSchema } from "./access-schemas.ts";
import { defineRoute, idParams, pageOf, pageQuery, reasonBody, type Route } from "./define-route.ts";

const shownOnce = (what: string) => z.string().nullable().openapi({ description: `${what}; shown only in the first answer` });

/** Keys for tools, tokens for devices, and the audit log. */
export const accessRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/api-keys", tag: "API keys", summary: "All keys, revoked ones too; never the secrets", access: { area: "access", role: "viewer" },
    query: pageQuery, answer: pageOf(apiKeySchema),
    handle: ({ tx, principal, query }) => listApiKeys(tx, principal, query),
  }),
  defineRoute({
    method: "post", path: "/api-keys", tag: "API keys", summary: "Make a key", access: { area: "access", role: "admin" },
    body: z.object({
      name: z.string().trim().min(1, "a key needs a name").max(100), role: roleSchema,
      scopes: z.array(z.enum(areas)).max(areas.length).optional().openapi({ description: "Areas it may touch; left out or empty: all that its role allows" }),
      expiresAt: z.iso.datetime({ offset: true }).nullable().optional(),
    }),
    answer: z.object({ apiKey: apiKeySchema, secret: shownOnce("The key itself") }), status: 201,
    forget: ({ apiKey }) => ({ apiKey, secret: null }),
    handle: async ({ tx, principal, body }) => {
      const { view, secret } = await createApiKey(tx, principal, { ...body, expiresAt: body.expiresAt == null ? null : new Date(body.expiresAt) });
      return { apiKey: view, secret };
    },
  }),
  defineRoute({
    method: "post", path: "/api-keys/{id}/revoke", tag: "API keys", summary: "Withdraw a key", access: { area: "access", role: "admin" },
    params: idParams, body: reasonBody, answer: apiKeySchema,
    handle: ({ tx, principal, params, body }) => revokeApiKey(tx, principal, { id: params.id, reason: body.reason }),
  }),
  defineRoute({
    method: "get", path: "/enrollment-tokens", tag: "Enrolment", summary: "All tokens; never the secrets", access: { area: "devices", role: "viewer" },
    query: pageQuery, answer: pageOf(enrollmentTokenSchema),
    handle: ({ tx, principal, query }) => listEnrollmentTokens(tx, principal, query),
  }),
  defineRoute({
    method: "post", path: "/enrollment-tokens", tag: "Enrolment", summary: "Make a token that lets devices in", access: { area: "devices", role: "operator" },
    body: z.object({
      name: z.string().trim().max(100).optional(),
      fleetLabels: labelsSchema.optional().openapi({ type: "object", additionalProperties: { type: "string" }, description: "Labels that every device enrolled with it gets" }),
      maxUses: z.number().int().min(1).max(100_000).optional(), expiresInSeconds: z.number().int().min(1).max(365 * 86_400).optional(),
    }),
    answer: z.object({ token: shownOnce("The token itself"), enrollmentToken: enrollmentTokenSchema, server: z.string().openapi({ description: "What devices call" }) }), status: 201,
    forget: (made) => ({ ...made, token: null }),
    handle: async ({ tx, principal, body, platform }) => {
      const { view, token } = await createEnrollmentToken(tx, principal, { name: body.name, labels: body.fleetLabels, maxUses: body.maxUses, expiresInSeconds: body.expiresInSeconds });
      return { token, enrollmentToken: view, server: platform.env.PUBLIC_GATEWAY_URL ?? platform.env.GATEWAY_URL };
    },
  }),
  defineRoute({
    method: "post", path: "/enrollment-tokens/{id}/revoke", tag: "Enrolment", summary: "Let no more devices in with this token", access: { area: "devices", role: "operator" },
    params: idParams, body: reasonBody, answer: enrollmentTokenSchema,
    handle: ({ tx, principal, params, body }) => revokeEnrollmentToken(tx, principal, { id: params.id, reason: body.reason }),
  }),
  defineRoute({
    method: "get", path: "/audit", tag: "Audit", summary: "Who did what, why; newest first", access: { area: "audit", role: "viewer" },
    query: pageQuery.extend({
      action: z.string().max(100).optional().openapi({ description: "An action or the beginning of one: rollout." }), actor: z.string().max(100).optional(),
      objectKind: z.string().max(50).optional(), objectId: z.string().max(64).optional(),
    }),
    answer: pageOf(auditSchema),
    handle: ({ tx, principal, query }) => listAudit(tx, principal, query),
  }),
];
