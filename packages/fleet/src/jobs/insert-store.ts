import { enqueueJob, type Job, type Tx } from "@flotilla/db";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import type { Principal } from "../principal.ts";
import { jobCatalogue, parseJobPayload, type JobKind, type JobPayload } from "./catalogue.ts";

/** What links lead to from a job: the thing that it works on. */
export type JobSubject = { kind: "version" | "build" | "dataset_version" | "optimization" | "training"; id: string };

/**
 * Writes a job and hands it to the queue in the same transaction, for functions of this package that have already
 * decided that the principal may.
 */
export async function insertJob<K extends JobKind>(
  tx: Tx,
  principal: Principal,
  job: { kind: K; payload: JobPayload<K>; subject: JobSubject; /** An outside runner asks for it; it is not handed to workers. */ outside?: boolean },
): Promise<Job> {
  const payload = parseJobPayload(job.kind, job.payload);
  const row = await tx.job.create({
    data: {
      id: newId("job"),
      kind: job.kind,
      payload,
      maxAttempts: jobCatalogue[job.kind].maxAttempts,
      subjectKind: job.subject.kind,
      subjectId: job.subject.id,
      createdById: principal.id,
      outside: job.outside ?? false,
    },
  });
  if (!row.outside) await enqueueJob(tx, { id: row.id, kind: row.kind });
  await recordAudit(tx, principal, { action: "job.create", objectKind: "job", objectId: row.id, objectName: row.kind, detail: { payload } });
  await recordChange(tx, "job", row.id);
  return row;
}
