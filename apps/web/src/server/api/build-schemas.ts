import { z } from "@hono/zod-openapi";
import { buildManifestSchema, buildSettingsSchema } from "@flotilla/protocol";
import type { BuildView } from "@flotilla/fleet";

export const buildSchema = z.object({
  id: z.string(), name: z.string(), state: z.enum(["pending", "ready", "failed"]), failure: z.string().nullable(),
  settings: buildSettingsSchema, manifestSha256: z.string().nullable(), manifest: buildManifestSchema.nullable(), jobId: z.string().nullable(),
  createdAt: z.string(), createdByName: z.string(),
  variants: z.array(z.object({ versionId: z.string(), modelName: z.string(), number: z.number(), classes: z.array(z.string()), sizeBytes: z.number() })),
  runningDevices: z.number(),
  rollouts: z.array(z.object({ id: z.string(), name: z.string(), state: z.string() })),
}).openapi("Build") satisfies z.ZodType<BuildView>;
