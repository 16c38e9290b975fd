import { testDb, withSql, withTx, type TestDb } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemPrincipal } from "../principal.ts";
import { keepCount } from "./kept-count-store.ts";
import { deviceSummary, keepDeviceSummaries } from "./list-store.ts";
import type { DeviceSummary } from "./types.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

const someone = systemPrincipal("test");
const summary = (): Promise<DeviceSummary> => withTx(suite.db, (tx) => deviceSummary(tx, someone, {}));
const ago = (ms: number): Date => new Date(Date.now() - ms);

test("a count is kept until it is due again, and counted at once when that is asked for", async () => {
  let times = 0;
  const keep = (now: Date, isForced = false): Promise<{ value: number; isFresh: boolean }> =>
    withSql(suite.db, (sql) => keepCount(sql, "test", now, () => Promise.resolve((times += 1)), isForced));
  const from = Date.now();
  expect(await keep(new Date(from))).toEqual({ value: 1, isFresh: true });
  expect(await keep(new Date(from + 4_900))).toEqual({ value: 1, isFresh: false });
  expect(await keep(new Date(from + 4_900), true)).toEqual({ value: 2, isFresh: true });
  await withSql(suite.db, (sql) => sql.query("update kept_count set took_ms = 400 where key = 'test'"));
  expect(await keep(new Date(from + 12_000)), "counting may take a twentieth of the time").toEqual({ value: 2, isFresh: false });
  expect(await keep(new Date(from + 13_000))).toEqual({ value: 3, isFresh: true });
  await withSql(suite.db, (sql) => sql.query("update kept_count set took_ms = 9000 where key = 'test'"));
  expect(await keep(new Date(from + 43_001)), "but never lets a result grow too old to be shown").toEqual({ value: 4, isFresh: true });
});

test("the summary of a large fleet is what was counted last; when nobody counts any more, whoever asks counts", async () => {
  const kept: DeviceSummary = { total: 123_456, byPresence: { reporting: 123_456, late: 0, silent: 0, never: 0 }, drift: 1, byClass: [], byBuild: [] };
  const keepAt = (at: Date): Promise<unknown> => withSql(suite.db, (sql) => keepCount(sql, "devices:", at, () => Promise.resolve(kept), true));
  await keepAt(ago(50_000));
  expect(await summary()).toEqual(kept);
  await keepAt(ago(61_000));
  expect((await summary()).total).toBe(0);
});

test("small fleets are not counted ahead, large ones with every fleet of theirs", async () => {
  const count = (): Promise<number> => withTx(suite.db, (tx) => keepDeviceSummaries(tx));
  expect(await count()).toBe(0);
  await withTx(suite.db, (tx) => tx.fleet.createMany({ data: [{ id: "flt_1", name: "a", query: "site=a", createdById: "x" }, { id: "flt_2", name: "b", query: "", createdById: "x" }] }));
  // What PostgreSQL believes after a hundred thousand devices came in.
  await withSql(suite.db, (sql) => sql.query("update pg_class set reltuples = 100000 where oid = 'device'::regclass"));
  expect(await count()).toBe(2);
  expect(await count(), "not due yet").toBe(0);
  expect((await summary()).total).toBe(0);
});
