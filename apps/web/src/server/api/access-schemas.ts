import { z } from "@hono/zod-openapi";
import { areas, type ApiKeyView, type AuditView, type EnrollmentTokenView, type PersonView } from "@flotilla/fleet";

export const roleSchema = z.enum(["viewer", "operator", "admin"]);

export const personSchema = z.object({
  id: z.string(), name: z.string(), email: z.string(), role: roleSchema, disabledAt: z.string().nullable(), createdAt: z.string(), lastSeenAt: z.string().nullable(),
}).openapi("Person") satisfies z.ZodType<PersonView>;

export const apiKeySchema = z.object({
  id: z.string(), name: z.string(), prefix: z.string(), role: roleSchema, scopes: z.array(z.enum(areas)),
  createdAt: z.string(), createdByName: z.string(), lastUsedAt: z.string().nullable(), expiresAt: z.string().nullable(), revokedAt: z.string().nullable(),
}).openapi("ApiKey") satisfies z.ZodType<ApiKeyView>;

export const enrollmentTokenSchema = z.object({
  id: z.string(), name: z.string(), prefix: z.string(), labels: z.record(z.string(), z.string()), maxUses: z.number(), uses: z.number(),
  expiresAt: z.string(), revokedAt: z.string().nullable(), createdAt: z.string(), createdByName: z.string(),
}).openapi("EnrollmentToken") satisfies z.ZodType<EnrollmentTokenView>;

export const auditSchema = z.object({
  id: z.string(), at: z.string(), actorKind: z.string(), actorId: z.string(), actorName: z.string(), action: z.string(),
  objectKind: z.string(), objectId: z.string(), objectName: z.string().nullable(), reason: z.string().nullable(), detail: z.unknown(), requestId: z.string().nullable(),
}).openapi("AuditEvent") satisfies z.ZodType<AuditView>;
