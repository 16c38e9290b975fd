import { testDb, withSql, type TestDb } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRollout, startRollout } from "./actions.ts";
import { isArtifactOfDevice } from "./device-artifacts-store.ts";
import { evaluateRollouts } from "./evaluate.ts";
import { addBuild, addDevices, addFleet, as, manifestSha256, modelSha256, setRunning, sha256 } from "./testing/fleet-world.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

const isOf = (deviceId: string, digest: string): Promise<boolean> => withSql(suite.db, (sql) => isArtifactOfDevice(sql, { deviceId, sha256: digest }));

test("a device may fetch what a rollout offered it and what it would go back to, also when that is not its target any more, and nothing before the offer", async () => {
  const ids = await addDevices(suite.db, 4, new Date(), { classes: ["pi4"] });
  const [before, offered, foreign] = [await addBuild(suite.db, "before"), await addBuild(suite.db, "offered"), await addBuild(suite.db, "foreign")];
  await setRunning(suite.db, ids, before);
  const { id } = await as(suite.db, createRollout, { buildId: offered, fleetId: await addFleet(suite.db), waves: [{ percent: 50, soakSeconds: 3600, maxFailurePercent: 100 }, { percent: 100 }] });
  await as(suite.db, startRollout, { id });
  await evaluateRollouts(suite.db, new Date());
  const rows = await suite.db.prisma.deployment.findMany({ where: { rolloutId: id } });
  const [reached] = rows.filter((row) => row.offeredAt !== null);
  const [waiting] = rows.filter((row) => row.offeredAt === null);
  if (reached === undefined || waiting === undefined) throw new Error("the first wave should have reached half of the devices");
  await suite.db.prisma.deviceTarget.update({ where: { deviceId: reached.deviceId }, data: { buildId: null } });
  for (const digest of [manifestSha256(offered), modelSha256(offered), sha256("golden"), modelSha256(before)]) expect(await isOf(reached.deviceId, digest), digest).toBe(true);
  expect(await isOf(reached.deviceId, modelSha256(foreign))).toBe(false);
  expect(await isOf(waiting.deviceId, modelSha256(offered))).toBe(false);
});
