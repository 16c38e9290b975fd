import { withSql, type Db } from "@flotilla/db";
import type { FaultContext } from "./fault.ts";

/** What a crash at a named point left, and whether the point was met at all. */
export type StepOutcome = { readonly isReached: boolean; readonly lost: number; readonly duplicate: number; readonly torn: number; readonly stuck: number };

/** A crash exactly between two writes of one action; what is left must be as if it had happened once. */
export type StepPoint = { readonly name: string; crash(context: FaultContext, db: Db, databaseUrl: string): Promise<StepOutcome> };

/** One number that a query counts. */
export async function countOf(db: Db, text: string, values: readonly unknown[] = []): Promise<number> {
  return Number((await withSql(db, (sql) => sql.query<{ n: bigint | number }>(text, values)))[0]?.n ?? 0);
}
