import { expect, test } from "vitest";
import { connect, testDb } from "../index.ts";

test("a suite that leaves a pool open fails, and its database is dropped all the same", async () => {
  const suite = await testDb();
  const forgotten = connect(suite.url, { applicationName: "forgotten pool" });
  await forgotten.pool.query("select 1");
  await expect(suite.drop()).rejects.toThrow(/left 1 connection\(s\).*forgotten pool/);
  await forgotten.close();
});

test("two suites do not see each other's rows", async () => {
  const [one, two] = await Promise.all([testDb(), testDb()]);
  await one.db.prisma.fleet.create({ data: { id: "flt_1", name: "mine", query: "", createdById: "usr_1" } });
  expect(await two.db.prisma.fleet.count()).toBe(0);
  await Promise.all([one.drop(), two.drop()]);
});
