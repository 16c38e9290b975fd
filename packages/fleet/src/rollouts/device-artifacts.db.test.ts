import { testDb, withSql, type TestDb } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRollout, startRollout } from "./actions.ts";
import { areArtifactsOfDevices } from "./device-artifacts-store.ts";
import { evaluateRollouts } from "./evaluate.ts";
import { addBuild, addDevices, addFleet, as, manifestSha256, modelSha256, setRunning, sha256 } from "./testing/fleet-world.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

const isOf = async (deviceId: string, digest: string): Promise<boolean | undefined> => (await withSql(suite.db, (sql) => areArtifactsOfDevices(sql, [{ deviceId, sha256: digest }])))[0];

test("a device may fetch what a rollout offered it and what it would go back to, also when that is not its target any more, and nothing before the offer", async () => {
  const ids = await addDevices(suite.db, 4, new Date(), { classes: ["pi4"] });
  const [before, offered, foreign] = [await addBuild(suite.db, "before"), await addBuild(suite.db, "offered"), await addBuild(suite.db, "foreign")];
  await setRunning(suite.db, ids, before);
  const { id } = await as(suite.db, createRollout, { buildId: offered, fleetId: await addFleet(suite.db), waves: [{ percent: 50, soakSeconds: 3600, maxFailurePercent: 100 }, { percent: 100 }] });
  await as(suite.db, startRollout, { id });
  await evaluateRollouts(suite.db, new Date());
  // The other test's devices, which are in the fleet too, run nothing. Three of at most six are reached: at least one of these four is, and one is not.
  const rows = await suite.db.prisma.deployment.findMany({ where: { rolloutId: id, deviceId: { in: ids } } });
  const [reached] = rows.filter((row) => row.offeredAt !== null);
  const [waiting] = rows.filter((row) => row.offeredAt === null);
  if (reached === undefined || waiting === undefined) throw new Error("the first wave should have reached half of the devices");
  await suite.db.prisma.deviceTarget.update({ where: { deviceId: reached.deviceId }, data: { buildId: null } });
  for (const digest of [manifestSha256(offered), modelSha256(offered), sha256("golden"), modelSha256(before)]) expect(await isOf(reached.deviceId, digest), digest).toBe(true);
  expect(await isOf(reached.deviceId, modelSha256(foreign))).toBe(false);
  expect(await isOf(waiting.deviceId, modelSha256(offered))).toBe(false);
});

test("questions that come together are answered each for its own device, in their order", async () => {
  const [first, second] = await addDevices(suite.db, 2, new Date(), { classes: ["pi4"] });
  const [one, two] = [await addBuild(suite.db, "one"), await addBuild(suite.db, "two")];
  if (first === undefined || second === undefined) throw new Error("two devices were added");
  for (const [deviceId, buildId] of [[first, one], [second, two]] as const) {
    await suite.db.prisma.deviceTarget.upsert({ where: { deviceId }, create: { deviceId, buildId, targetVersion: 1n, changeSeq: 1n }, update: { buildId } });
  }
  const asked = [[first, one], [second, one], [first, two], [second, two], [first, one]] as const;
  const answers = await withSql(suite.db, (sql) => areArtifactsOfDevices(sql, asked.map(([deviceId, build]) => ({ deviceId, sha256: modelSha256(build) }))));
  expect(answers).toEqual([true, false, false, true, true]);
});
