import { withSql, withTx, enqueueJob, type Db } from "@flotilla/db";
import { newId } from "@flotilla/fleet";
import { waitFor } from "./fault.ts";

// Jobs for the slim worker (apps/worker/src/testing/slim-worker-main.ts) and the two tables it writes: a row per start of a handler,
// and a row per effect, without any uniqueness that would hide a second one.

export async function createFaultTables(db: Db): Promise<void> {
  await withSql(db, async (sql) => {
    await sql.query("create table fault_run (n bigint generated always as identity, job_id text not null, worker text not null, at timestamptz not null default clock_timestamp())");
    await sql.query("create table fault_effect (n bigint generated always as identity, job_id text not null, worker text not null, at timestamptz not null default clock_timestamp())");
    await sql.query("create index on fault_run (worker)");
  });
}

/** Attempts of a job that means no harm: the harness may kill its worker many times by bad luck. */
const MANY_ATTEMPTS = 200;
const CHUNK = 40;

/** "work:<ms>" or "kill"; the latter gets the product's three attempts. */
export async function addJobs(db: Db, orders: readonly string[]): Promise<void> {
  for (let from = 0; from < orders.length; from += CHUNK) {
    await withTx(db, async (tx) => {
      for (const order of orders.slice(from, from + CHUNK)) {
        const id = newId("job");
        await tx.job.create({
          data: { id, kind: "benchmark", payload: { versionId: order }, maxAttempts: order === "kill" ? 3 : MANY_ATTEMPTS, subjectKind: "version", subjectId: "ver_fault", createdById: "faults" },
        });
        await enqueueJob(tx, { id, kind: "benchmark" });
      }
    }, { timeoutMs: 120_000 });
  }
}

export async function unfinished(db: Db): Promise<number> {
  const [row] = await withSql(db, (sql) => sql.query<{ n: bigint }>("select count(*) as n from job where state in ('queued', 'running')"));
  return Number(row?.n ?? 0);
}

/** Waits until no job is left, however long that takes, as long as every now and then one ends. */
export async function untilFinished(db: Db, patienceMs = 60_000): Promise<void> {
  for (let left = await unfinished(db); left > 0; ) {
    const fewer = await waitFor(async () => (await unfinished(db)) < left, patienceMs, 200);
    if (fewer === null) return;
    left = await unfinished(db);
  }
}

export type JobCheck = { jobs: number; done: number; lost: number; duplicate: number; torn: number; stuck: number; quarantined: number; wronglyEnded: number };

/** Compares what the job rows say with the effects that are there. */
export async function checkJobs(db: Db): Promise<JobCheck> {
  const rows = await withSql(db, (sql) => sql.query<{ state: string; payload: { versionId: string }; attempt: number; worker_id: string | null; effects: bigint; by: string | null }>(
    `select j.state, j.payload, j.attempt, j.worker_id, count(e.n) as effects, min(e.worker) as by
       from job j left join fault_effect e on e.job_id = j.id group by j.id`));
  const check: JobCheck = { jobs: rows.length, done: 0, lost: 0, duplicate: 0, torn: 0, stuck: 0, quarantined: 0, wronglyEnded: 0 };
  for (const row of rows) {
    const effects = Number(row.effects);
    const isKiller = row.payload.versionId === "kill";
    if (row.state === "queued" || row.state === "running") check.stuck += 1;
    else if (isKiller && row.state === "quarantined" && row.attempt === 3) check.quarantined += 1;
    else if (isKiller) check.wronglyEnded += 1;
    else if (row.state !== "succeeded" || effects === 0) check.lost += 1;
    else check.done += 1;
    if (effects > 1) check.duplicate += effects - 1;
    // The effect and the end of the job are one transaction, of one worker.
    if (effects === 1 && (row.state !== "succeeded" || row.by !== row.worker_id)) check.torn += 1;
  }
  return check;
}

/** Seconds from each kill to the moment the jobs it hit were begun again: greatest and middle. */
export async function rerunSeconds(db: Db, kills: readonly { worker: string; at: Date }[]): Promise<{ hit: number; median: number; max: number }> {
  if (kills.length === 0) return { hit: 0, median: 0, max: 0 };
  const rows = await withSql(db, (sql) => sql.query<{ seconds: number }>(
    `select extract(epoch from n.at - k.at)::float8 as seconds
       from unnest($1::text[], $2::timestamptz[]) as k(worker, at)
       join fault_run r on r.worker = k.worker
       join lateral (select min(at) as at from fault_run later where later.job_id = r.job_id and later.n > r.n) n on n.at is not null
      where not exists (select 1 from fault_effect e where e.job_id = r.job_id and e.worker = r.worker) and n.at > k.at
      order by 1`,
    [kills.map((kill) => kill.worker), kills.map((kill) => kill.at)],
  ));
  return { hit: rows.length, median: rows[Math.floor(rows.length / 2)]?.seconds ?? 0, max: rows.at(-1)?.seconds ?? 0 };
}
