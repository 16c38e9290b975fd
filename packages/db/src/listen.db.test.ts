import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { listen, notify, sqlOf, testDb, withAdvisoryLock, withSql, withTx, type TestDb } from "./index.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10);
}

async function hear(channel: string): Promise<{ heard: string[]; reconnects: () => number }> {
  const heard: string[] = [];
  let reconnects = 0;
  const listener = await listen(
    suite.db,
    [channel],
    (from, payload) => heard.push(`${from} ${payload}`),
    () => reconnects++,
  );
  onTestFinished(() => listener.close());
  return { heard, reconnects: () => reconnects };
}

test("a notification arrives when its transaction commits, and not when it rolls back", async () => {
  const { heard } = await hear("news");
  await withTx(suite.db, async (tx) => {
    await notify(tx, "news", "rolled back");
    throw new Error("no");
  }).catch(() => undefined);
  await withTx(suite.db, (tx) => notify(tx, "news", "by prisma"));
  await withTx(suite.db, (tx) => notify(sqlOf(tx), "news", "by sql in prisma"));
  await withSql(suite.db, (sql) => notify(sql, "news", "by sql"));
  await until(() => heard.length === 3);
  expect(heard).toEqual(["news by prisma", "news by sql in prisma", "news by sql"]);
});

test("a listener that lost its connection comes back, says so, and hears again", async () => {
  const { heard, reconnects } = await hear("outage");
  await suite.db.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'flotilla listen'",
  );
  await until(() => reconnects() === 1);
  await withSql(suite.db, (sql) => notify(sql, "outage", "over"));
  await until(() => heard.length === 1);
  expect(heard).toEqual(["outage over"]);
});

test("one holder at a time has a lock; the others are told so at once", async () => {
  const mayEnd = Promise.withResolvers<void>();
  const isHeld = Promise.withResolvers<void>();
  const first = withAdvisoryLock(suite.db, "evaluator", async () => {
    isHeld.resolve();
    await mayEnd.promise;
    return 1;
  });
  await isHeld.promise;
  expect(await withAdvisoryLock(suite.db, "evaluator", async () => 2)).toEqual({ kind: "busy" });
  expect(await withAdvisoryLock(suite.db, "other", async () => 3)).toEqual({ kind: "held", value: 3 });
  mayEnd.resolve();
  expect(await first).toEqual({ kind: "held", value: 1 });
  expect(await withAdvisoryLock(suite.db, "evaluator", async () => 4)).toEqual({ kind: "held", value: 4 });
});

test("a holder whose connection is cut is told that the lock is no longer its own", async () => {
  await withAdvisoryLock(suite.db, "cut", async (signal) => {
    await suite.db.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'flotilla lock cut'",
    );
    await until(() => signal.aborted);
    expect(await withAdvisoryLock(suite.db, "cut", async () => "mine")).toEqual({ kind: "held", value: "mine" });
  });
});
