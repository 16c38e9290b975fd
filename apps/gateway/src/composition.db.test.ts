import { connect, testDb, withSql, type TestDb } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { portsOf } from "./composition.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

test("syncs are stored while every other connection is taken", async () => {
  const [others, syncs] = [connect(suite.url, { poolSize: 1 }), connect(suite.url, { poolSize: 1 })];
  try {
    const ports = portsOf(others, syncs);
    const taken = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const holding = withSql(others, async () => {
      taken.resolve();
      await release.promise;
    });
    await taken.promise;
    const waiting = ports.areArtifactsOfDevices([{ deviceId: "dev_1", sha256: "a".repeat(64) }]);
    expect(await ports.applySyncs([])).toEqual([]);
    const first = await Promise.race([waiting.then(() => "answered"), withSql(syncs, (sql) => sql.query("select 1")).then(() => "held up")]);
    expect(first).toBe("held up");
    release.resolve();
    expect(await waiting).toEqual([false]);
    await holding;
  } finally {
    await Promise.all([others.close(), syncs.close()]);
  }
});
