import type { JobPayload } from "@flotilla/fleet";
import { JobFailure } from "../job-failure.ts";
import type { JobContext, JobDone } from "../ports.ts";

/** Applies a recipe to a version. */
export function optimizeVersion({ optimizationId }: JobPayload<"optimize">, _context: JobContext): Promise<JobDone> {
  return Promise.reject(new JobFailure("engine_missing", `This worker cannot optimize yet (${optimizationId}).`));
}
