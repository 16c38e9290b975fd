import { afterAll, beforeAll, expect, test } from "vitest";
import { testDb, withSql, withTx, type TestDb } from "./index.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

const counter = (name: string) => suite.db.prisma.versionCounter.findUnique({ where: { name } });

test("what a transaction wrote is gone when it throws", async () => {
  const failure = new Error("no");
  await expect(
    withTx(suite.db, async (tx) => {
      await tx.versionCounter.create({ data: { name: "thrown-away" } });
      throw failure;
    }),
  ).rejects.toBe(failure);
  await expect(
    withSql(suite.db, async (sql) => {
      await sql.query("insert into version_counter (name) values ('thrown-away')");
      throw failure;
    }),
  ).rejects.toBe(failure);
  expect(await counter("thrown-away")).toBeNull();
});

test("serializable transactions that collide are run again until each has counted", async () => {
  await suite.db.prisma.versionCounter.create({ data: { name: "contended" } });
  const bothHaveRead = Promise.withResolvers<void>();
  let runs = 0;
  const increment = () =>
    withTx(
      suite.db,
      async (tx) => {
        const { value } = await tx.versionCounter.findUniqueOrThrow({ where: { name: "contended" } });
        if (++runs === 2) bothHaveRead.resolve();
        await bothHaveRead.promise;
        await tx.versionCounter.update({ where: { name: "contended" }, data: { value: value + 1n } });
      },
      { isolation: "Serializable" },
    );
  await Promise.all([increment(), increment()]);
  expect((await counter("contended"))?.value).toBe(2n);
  expect(runs).toBe(3);
});

test("two transactions in a deadlock both end well", async () => {
  await suite.db.prisma.versionCounter.createMany({ data: [{ name: "left" }, { name: "right" }] });
  const bothHoldOne = Promise.withResolvers<void>();
  let holders = 0;
  const inOrder = (first: string, second: string) =>
    withSql(suite.db, async (sql) => {
      await sql.query("update version_counter set value = value + 1 where name = $1", [first]);
      if (++holders === 2) bothHoldOne.resolve();
      if (holders <= 2) await bothHoldOne.promise;
      await sql.query("update version_counter set value = value + 1 where name = $1", [second]);
    });
  await Promise.all([inOrder("left", "right"), inOrder("right", "left")]);
  expect((await counter("left"))?.value).toBe(2n);
  expect((await counter("right"))?.value).toBe(2n);
  expect(holders).toBeGreaterThan(2);
});

test("a transaction survives that the server had closed the pooled connections before it began", async () => {
  await Promise.all(Array.from({ length: 4 }, () => suite.db.pool.query("select pg_sleep(0.01)")));
  await suite.db.pool.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");
  const results = await Promise.all(
    Array.from({ length: 4 }, (_, at) => withTx(suite.db, (tx) => tx.versionCounter.create({ data: { name: `after-loss-${at}` } }))),
  );
  expect(results).toHaveLength(4);
});
