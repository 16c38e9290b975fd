import { sqlOf, type Job, type Prisma, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { actorNames } from "../access/actor-names-store.ts";
import { objectNames } from "../access/object-names-store.ts";
import type { Page, PageInput } from "../page.ts";
import { pageOf, pageSize } from "../page-query.ts";
import { requireRole, type Principal } from "../principal.ts";
import type { JobLogLine, JobMetricPoint, JobStateName, JobView } from "./types.ts";

/** Lines or points answered at once; the caller asks again with `after`. */
const MAX_LINES = 2_000;
const MAX_POINTS = 20_000;

/** Filters of the job list; each narrows. */
export type JobFilter = PageInput & { state?: JobStateName | undefined; kind?: string | undefined; subjectId?: string | undefined };

/** Jobs, newest first. */
export async function listJobs(tx: Tx, principal: Principal, filter: JobFilter = {}): Promise<Page<JobView>> {
  requireRole(principal, "jobs", "viewer");
  const limit = pageSize(filter);
  const where: Prisma.JobWhereInput = {
    ...(filter.cursor ? { id: { lt: filter.cursor } } : {}),
    ...(filter.state ? { state: filter.state } : {}),
    ...(filter.kind ? { kind: filter.kind } : {}),
    ...(filter.subjectId ? { subjectId: filter.subjectId } : {}),
  };
  const rows = await tx.job.findMany({ where, orderBy: { id: "desc" }, take: limit + 1 });
  const viewOf = await jobViewer(tx, rows);
  return pageOf(rows, limit, (row) => row.id, viewOf);
}

/** One job; `not_found` when there is none. */
export async function getJob(tx: Tx, principal: Principal, id: string): Promise<JobView> {
  requireRole(principal, "jobs", "viewer");
  return jobView(tx, await findJob(tx, id));
}

/** Log lines after `after` (0 = from the start), oldest first, at most 2,000. */
export async function jobLogs(tx: Tx, principal: Principal, input: { jobId: string; after?: number | undefined }): Promise<JobLogLine[]> {
  requireRole(principal, "jobs", "viewer");
  await findJob(tx, input.jobId);
  const rows = await tx.jobLog.findMany({ where: { jobId: input.jobId, seq: { gt: input.after ?? 0 } }, orderBy: { seq: "asc" }, take: MAX_LINES });
  return rows.map((row) => ({ seq: row.seq, at: row.at.toISOString(), level: row.level, text: row.text }));
}

/** Metric points by name and step, at most 20,000; `after` leaves out steps up to that one. */
export async function jobMetrics(
  tx: Tx,
  principal: Principal,
  input: { jobId: string; name?: string | undefined; after?: number | undefined },
): Promise<JobMetricPoint[]> {
  requireRole(principal, "jobs", "viewer");
  await findJob(tx, input.jobId);
  const rows = await tx.jobMetric.findMany({
    where: { jobId: input.jobId, ...(input.name ? { name: input.name } : {}), ...(input.after === undefined ? {} : { step: { gt: input.after } }) },
    orderBy: [{ name: "asc" }, { step: "asc" }],
    take: MAX_POINTS,
  });
  return rows.map((row) => ({ name: row.name, step: row.step, value: row.value, at: row.at.toISOString() }));
}

/** The row of a job; `not_found` when there is none. */
export async function findJob(tx: Tx, id: string): Promise<Job> {
  const row = await tx.job.findUnique({ where: { id } });
  if (row === null) throw new FleetError("not_found", { public: "There is no such job." });
  return row;
}

/** One row as people see it. */
export async function jobView(tx: Tx, row: Job): Promise<JobView> {
  return (await jobViewer(tx, [row]))(row);
}

/** Loads in four queries what the views of these rows need besides the rows. */
async function jobViewer(tx: Tx, rows: readonly Job[]): Promise<(row: Job) => JobView> {
  const names = await actorNames(tx, rows.map((row) => row.createdById));
  const subjects = await objectNames(tx, rows.flatMap((row) => row.subjectId ?? []));
  const before = await queuedBefore(tx, rows);
  return (row) => ({
    id: row.id,
    kind: row.kind,
    state: row.state,
    cause: row.cause,
    causeCode: row.causeCode,
    progress: row.progress,
    progressText: row.progressText,
    attempt: row.attempt,
    maxAttempts: row.maxAttempts,
    subjectKind: row.subjectKind,
    subjectId: row.subjectId,
    subjectName: row.subjectId === null ? null : (subjects.get(row.subjectId) ?? null),
    createdByName: names.get(row.createdById) ?? row.createdById,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    workerId: row.workerId,
    cancelRequested: row.cancelRequestedAt !== null,
    payload: row.payload,
    result: row.result,
    queuedBefore: row.state === "queued" ? (before.get(row.id) ?? 0) : null,
  });
}

async function queuedBefore(tx: Tx, rows: readonly Job[]): Promise<Map<string, number>> {
  const ids = rows.filter((row) => row.state === "queued").map((row) => row.id);
  if (ids.length === 0) return new Map();
  // The id sorts by creation time, which is the order of the queue.
  const found = await sqlOf(tx).query<{ id: string; before: number }>(
    `select id, before from (select id, (rank() over (order by id) - 1)::int as before from job where state = 'queued') q where id = any($1::text[])`,
    [ids],
  );
  return new Map(found.map((row) => [row.id, row.before]));
}
