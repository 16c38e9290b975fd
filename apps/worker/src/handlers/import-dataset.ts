import { JobFailure } from "../job-failure.ts";
import type { JobContext, JobDone } from "../ports.ts";

/** Looks at an uploaded dataset version. */
export function importDataset({ datasetVersionId }: { datasetVersionId: string }, _context: JobContext): Promise<JobDone> {
  return Promise.reject(new JobFailure("engine_missing", `This worker cannot read datasets yet (${datasetVersionId}).`));
}
