import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { connect, testDb, withAdvisoryLock, withSql, withTx, type Db, type TestDb } from "./index.ts";
import { isConnectionLoss } from "./database-error.ts";
import { startDatabaseProxy, type DatabaseProxy } from "./testing/database-proxy.ts";

// Long enough for a busy machine to answer, short enough to wait for.
const SILENCE_MS = 1_500;

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

async function behindProxy(): Promise<{ db: Db; proxy: DatabaseProxy }> {
  const proxy = await startDatabaseProxy(suite.url);
  const db = connect(proxy.url, { applicationName: "silent", poolSize: 2, silenceMs: SILENCE_MS });
  onTestFinished(async () => {
    await db.close();
    await proxy.close();
  });
  return { db, proxy };
}

const one = (db: Db): Promise<unknown> => withSql(db, (sql) => sql.query("select 1"));

test("statements on connections that fell silent end as lost connections, and the pool works again once the network does", async () => {
  const { db, proxy } = await behindProxy();
  await Promise.all([one(db), withTx(db, (tx) => tx.device.count())]);
  const inTransaction = withTx(db, async (tx) => {
    await tx.device.count();
    proxy.hush();
    return tx.device.count();
  });
  const failure = await inTransaction.then(() => null, (error: unknown) => error);
  expect(isConnectionLoss(failure), String(failure)).toBe(true);
  proxy.heal();
  // More at once than connections: none of the silent ones may be left in the pool.
  await Promise.all(Array.from({ length: 4 }, () => one(db)));
  expect(await withTx(db, (tx) => tx.device.count())).toBe(0);
});

test("the server ends a transaction whose client fell silent, and frees what it held", async () => {
  const { db, proxy } = await behindProxy();
  await withSql(suite.db, (sql) => sql.query("create table held (n int)"));
  const silent = withSql(db, async (sql) => {
    await sql.query("lock table held");
    proxy.hush();
    await sql.query("insert into held values (1)");
  });
  await expect(silent).rejects.toThrow();
  await withSql(suite.db, (sql) => sql.query("insert into held values (2)"));
  expect(await withSql(suite.db, (sql) => sql.query("select n from held"))).toEqual([{ n: 2 }]);
});

test("a statement that keeps a connection waiting for less than that is left alone", async () => {
  const { db } = await behindProxy();
  for (let i = 0; i < 3; i += 1) await withSql(db, (sql) => sql.query("select pg_sleep($1)", [SILENCE_MS / 3_000]));
  expect(await withAdvisoryLock(db, "busy", () => one(db))).toMatchObject({ kind: "held" });
});

// Half a minute of waiting, for the limits that are in force.
test("a holder of a lock whose connection fell silent is told so, and the lock is free for others", { timeout: 120_000 }, async () => {
  const { db, proxy } = await behindProxy();
  const told = await withAdvisoryLock(db, "silent holder", async (signal) => {
    proxy.hush();
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    return "told";
  });
  expect(told).toEqual({ kind: "held", value: "told" });
  await vi.waitFor(async () => expect(await withAdvisoryLock(suite.db, "silent holder", () => one(suite.db))).toMatchObject({ kind: "held" }), { timeout: 60_000, interval: 250 });
});
