import type { JobPayload } from "@flotilla/fleet";
import { JobFailure } from "../job-failure.ts";
import type { JobContext, JobDone } from "../ports.ts";

/** Runs a split of a dataset version through a version and counts what was right. */
export function evaluateVersion({ versionId }: JobPayload<"evaluate">, _context: JobContext): Promise<JobDone> {
  return Promise.reject(new JobFailure("engine_missing", `This worker cannot evaluate yet (${versionId}).`));
}
