import { sqlOf, type Tx } from "@flotilla/db";

/** How many jobs stand how, and for how long the one that waits longest has waited. Ended ones are not counted: they only grow. */
export type JobNumbers = { counts: { kind: string; state: "queued" | "running" | "quarantined"; count: number }[]; oldestQueuedSeconds: number };

/** For supervision: one read over an index, whatever the age of the installation. */
export async function jobNumbers(tx: Tx): Promise<JobNumbers> {
  const rows = await sqlOf(tx).query<{ kind: string; state: JobNumbers["counts"][number]["state"]; count: bigint; oldest_seconds: number }>(
    `select kind, state::text as state, count(*) as count, extract(epoch from now() - min(created_at))::float8 as oldest_seconds
       from job where state in ('queued', 'running', 'quarantined') group by kind, state`,
    [],
  );
  return {
    counts: rows.map(({ kind, state, count }) => ({ kind, state, count: Number(count) })),
    oldestQueuedSeconds: Math.max(0, ...rows.filter(({ state }) => state === "queued").map((row) => row.oldest_seconds)),
  };
}
