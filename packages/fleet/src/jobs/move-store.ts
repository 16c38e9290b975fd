import { sqlOf, type Job, type Prisma, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { recordChange } from "../changes/index.ts";
import { storableText } from "../text-rules.ts";
import { nextJobState, type JobEvent } from "./transitions.ts";

/** Lines kept of one job; a handler that floods its log loses the rest, not the database. */
const MAX_LOG_LINES = 5_000;
const MAX_LINE_CHARACTERS = 4_000;

/** A line to add to a job's log. */
export type NewLogLine = { level: "info" | "warn" | "error"; text: string };

/**
 * The only writer of a job's state. Moves it by compare-and-set on the state and lease it was read with, and returns the
 * new row, or null when somebody was faster. `illegal_transition` when the event cannot happen in that state.
 */
export async function moveJob(
  tx: Tx,
  job: Pick<Job, "id" | "state" | "leaseToken">,
  event: JobEvent,
  data: Omit<Prisma.JobUncheckedUpdateManyInput, "state">,
): Promise<Job | null> {
  const state = nextJobState(job.state, event);
  if (state === null) throw new FleetError("illegal_transition", { public: `The job is ${job.state}; that cannot be done now.` });
  const [moved] = await tx.job.updateManyAndReturn({
    where: { id: job.id, state: job.state, leaseToken: job.leaseToken },
    data: { ...data, state },
  });
  if (moved === undefined) return null;
  await recordChange(tx, "job", job.id);
  return moved;
}

/** Adds lines to a job's log. The caller holds the job's row lock, so numbers do not clash. */
export async function appendJobLog(tx: Tx, jobId: string, lines: readonly NewLogLine[]): Promise<void> {
  if (lines.length === 0) return;
  await sqlOf(tx).query(
    `insert into job_log (job_id, seq, level, text)
     select $1, base.seq + line.n, line.level, line.text
     from (select coalesce(max(seq), 0)::int as seq from job_log where job_id = $1) base,
          unnest($2::text[], $3::text[]) with ordinality as line(level, text, n)
     where base.seq + line.n <= $4::int`,
    [jobId, lines.map((line) => line.level), lines.map((line) => storableText(line.text.slice(0, MAX_LINE_CHARACTERS))), MAX_LOG_LINES],
  );
}
