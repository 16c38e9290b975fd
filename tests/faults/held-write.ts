import { withSql, type Db } from "@flotilla/db";
import { waitFor } from "./fault.ts";
import type { Program } from "./programs.ts";

/** A write that the database keeps waiting: whoever makes it stands exactly before it, with all that it wrote before. */
export type HeldWrite = {
  /** Resolves when somebody stands before the write; false when nobody comes. */
  reached(timeoutMs: number): Promise<boolean>;
  /** kill -9 of the program there; its connection's session is ended before the write may go on, as a dead host's would be. */
  crash(program: Program): Promise<void>;
};

const FREE_WITHIN_MS = 10_000;

/** Holds every `event` on `table` whose new row meets `condition` (SQL over `new`). */
export async function holdWrite(db: Db, write: { readonly table: string; readonly event: "insert" | "update"; readonly condition: string }, key: number): Promise<HeldWrite> {
  const holder = await db.pool.connect();
  // Checked out, it is watched by nobody else; a server that stops must not end the harness.
  holder.on("error", () => undefined);
  await holder.query("select pg_advisory_lock($1)", [key]);
  await withSql(db, async (sql) => {
    await sql.query(`create function fault_hold_${key}() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(${key}); return new; end $$`);
    await sql.query(`create trigger fault_hold_${key} before ${write.event} on ${write.table} for each row when (${write.condition}) execute function fault_hold_${key}()`);
  });
  const waiting = (): Promise<{ pid: number }[]> =>
    withSql(db, (sql) => sql.query<{ pid: number }>("select pid from pg_locks where locktype = 'advisory' and objid = $1::oid and not granted and database = (select oid from pg_database where datname = current_database())", [key]));
  return {
    reached: async (timeoutMs) => (await waitFor(async () => (await waiting()).length > 0, timeoutMs, 10)) !== null,
    async crash(program) {
      await program.kill();
      for (const { pid } of await waiting()) await withSql(db, (sql) => sql.query("select pg_terminate_backend($1)", [pid]));
      await waitFor(async () => (await waiting()).length === 0, FREE_WITHIN_MS, 10);
      await holder.query("select pg_advisory_unlock($1)", [key]);
      holder.release();
      await withSql(db, (sql) => sql.query(`drop function fault_hold_${key} cascade`));
    },
  };
}
