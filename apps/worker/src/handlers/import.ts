import type { JobPayload } from "@flotilla/fleet";
import type { JobContext, JobDone } from "../ports.ts";
import { importDataset } from "./import-dataset.ts";
import { importVersion } from "./import-version.ts";

/** Looks at what was uploaded: a model version or a dataset version. */
export function importUploaded(payload: JobPayload<"import">, context: JobContext): Promise<JobDone> {
  return "versionId" in payload ? importVersion(payload, context) : importDataset(payload, context);
}
