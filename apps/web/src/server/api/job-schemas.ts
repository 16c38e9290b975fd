import { z } from "@hono/zod-openapi";
import type { JobLogLine, JobMetricPoint, JobView } from "@flotilla/fleet";

export const jobStateSchema = z.enum(["queued", "running", "succeeded", "failed", "cancelled", "quarantined"]);

export const jobSchema = z.object({
  id: z.string(), kind: z.string(), state: jobStateSchema, cause: z.string().nullable(), causeCode: z.string().nullable(),
  progress: z.number().nullable(), progressText: z.string().nullable(), attempt: z.number(), maxAttempts: z.number(),
  subjectKind: z.string().nullable(), subjectId: z.string().nullable(), subjectName: z.string().nullable(),
  createdByName: z.string(), createdAt: z.string(), startedAt: z.string().nullable(), finishedAt: z.string().nullable(),
  workerId: z.string().nullable(), cancelRequested: z.boolean(), payload: z.unknown(), result: z.unknown(), queuedBefore: z.number().nullable(),
}).openapi("Job") satisfies z.ZodType<JobView>;

export const jobLogLineSchema = z.object({ seq: z.number(), at: z.string(), level: z.string(), text: z.string() }).openapi("JobLogLine") satisfies z.ZodType<JobLogLine>;
export const jobMetricPointSchema = z.object({ name: z.string(), step: z.number(), value: z.number(), at: z.string() }).openapi("JobMetricPoint") satisfies z.ZodType<JobMetricPoint>;
