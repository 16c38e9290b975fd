import { testDb, withSql, type TestDb } from "@flotilla/db";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { announceSyncInterval } from "../devices/index.ts";
import { createRollout, pauseRollout, resumeRollout, startRollout, type CreateRolloutInput } from "./actions.ts";
import { addUpCounts, deploymentCounts } from "./deployment-counts-store.ts";
import { evaluateRollouts } from "./evaluate.ts";
import { addBuild, addDevices, addFleet, as, devicesReport, seenAt, type Behaviour } from "./testing/fleet-world.ts";
import type { RolloutView } from "./types.ts";
import { getRollout } from "./views.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

let sites = 0;
// Reset before each test: starting a rollout and going on with it go by the real clock, and a test that began late would be seconds behind it.
let from = Date.now();
beforeEach(() => {
  from = Date.now();
});
const at = (seconds: number): Date => new Date(from + seconds * 1000);
const view = (id: string): Promise<RolloutView> => as(suite.db, getRollout, { id });
const always = (behaviour: Behaviour) => (): Behaviour => behaviour;

async function tick(seconds: number): Promise<void> {
  const result = await evaluateRollouts(suite.db, at(seconds));
  if (result.kind === "evaluated") for (const failure of result.failures) throw failure.error;
}

async function startedOn(devices: number, more: Partial<CreateRolloutInput> = {}): Promise<{ id: string; ids: string[] }> {
  const site = `safe-${(sites += 1)}`;
  const ids = await addDevices(suite.db, devices, at(0), { labels: { site }, classes: ["pi4"] });
  const waves = [{ percent: 50, soakSeconds: 10 }, { percent: 100, soakSeconds: 0 }];
  const { id } = await as(suite.db, createRollout, { buildId: await addBuild(suite.db, site), fleetId: await addFleet(suite.db, `site=${site}`), waves, ...more });
  await as(suite.db, startRollout, { id });
  await tick(0);
  return { id, ids };
}

test("a fleet that falls silent after it was handed the build halts the rollout long before the deadlines; going on accepts it", async () => {
  const { id, ids } = await startedOn(12);
  await devicesReport(suite.db, ids, always("download_only"));
  await tick(179);
  expect((await view(id)).state).toBe("running");
  await tick(181);
  const halted = await view(id);
  expect(halted).toMatchObject({ state: "halted", cause: { code: "lost", value: 100, sampleCount: 6, wave: 0 } });
  expect(halted.cause?.sentence).toMatch(/^Halted by lost devices in wave 1 at .*: 6 of 6 devices failed or fell silent after they were handed the build \(100 % > 10 %\); 6 devices silent for 3 min or more\.$/);
  await as(suite.db, resumeRollout, { id, reason: "the site had no power" });
  // The clock of a resume is the real one: the devices are as silent by it as they were.
  await seenAt(suite.db, ids, new Date(Date.now() - 181_000));
  await withSql(suite.db, (sql) => sql.query("update rollout set acknowledged_failures = 6 where id = $1", [id]));
  await tick(182);
  expect((await view(id)).state).toBe("running");
});

test("what a person accepts after a halt includes the devices that are lost at that moment", async () => {
  const { id, ids } = await startedOn(12);
  await devicesReport(suite.db, ids, always("download_only"));
  await seenAt(suite.db, ids, at(-200));
  await tick(1);
  expect((await view(id)).state).toBe("halted");
  await as(suite.db, resumeRollout, { id, reason: "known outage" });
  const row = await suite.db.prisma.rollout.findUniqueOrThrow({ where: { id } });
  expect(row.acknowledgedFailures).toBe(6);
});

test("no wave opens while nobody who took the build can be heard; lasting silence halts", async () => {
  const { id, ids } = await startedOn(12);
  await devicesReport(suite.db, ids, always("succeed"));
  await tick(1);
  expect((await view(id)).waves[0]?.state).toBe("soaking");
  await tick(100);
  expect((await view(id)).waves.map((wave) => wave.state), "silent for longer than an absence takes").toEqual(["soaking", "pending"]);
  await seenAt(suite.db, ids.slice(0, 6), at(100));
  await seenAt(suite.db, ids.slice(6), at(100));
  await tick(101);
  expect((await view(id)).waves.map((wave) => wave.state), "they were heard again").toEqual(["passed", "active"]);

  const other = await startedOn(12);
  await devicesReport(suite.db, other.ids, always("succeed"));
  await tick(1);
  await tick(300);
  const halted = await view(other.id);
  expect(halted).toMatchObject({ state: "halted", cause: { code: "silence", sampleCount: 6 } });
  expect(halted.cause?.sentence).toMatch(/none of the 6 devices that took the build has been heard of for 5 min\.$/);
});

test("never more devices than the limit are on their way; devices that go away do not keep a place", async () => {
  const { id, ids } = await startedOn(10, { waves: [{ percent: 100, soakSeconds: 0, maxFailurePercent: 50 }], policy: { maxInFlight: 3 } });
  const inFlight = async (): Promise<number> => {
    const { counts } = await view(id);
    return counts.offered + counts.downloading + counts.installing + counts.verifying;
  };
  expect((await view(id)).counts).toMatchObject({ offered: 3, queued: 7 });
  const [gone = ""] = (await suite.db.prisma.deployment.findMany({ where: { rolloutId: id, state: "offered" } })).map((d) => d.deviceId);
  await seenAt(suite.db, [gone], at(-1000));
  await tick(1);
  expect((await suite.db.prisma.deployment.findFirstOrThrow({ where: { rolloutId: id, deviceId: gone } })).state).toBe("queued");
  expect(await inFlight()).toBe(3);
  for (let second = 2; second < 12; second += 1) {
    await devicesReport(suite.db, ids.filter((deviceId) => deviceId !== gone), (deviceId) => (deviceId.charCodeAt(deviceId.length - 1) % 2 === second % 2 ? "succeed" : "download_only"));
    expect(await inFlight()).toBeLessThanOrEqual(3);
    await tick(second);
    expect(await inFlight()).toBeLessThanOrEqual(3);
  }
  expect(await view(id)).toMatchObject({ state: "completed", counts: { succeeded: 9, queued: 1, unreachable: 1 } });
  await seenAt(suite.db, [gone], at(12));
  await tick(13);
  expect((await view(id)).counts, "back after the rollout completed").toMatchObject({ offered: 1, queued: 0 });
});

test("the counts that decide are those of the rows, before and after they are added up", async () => {
  const { id, ids } = await startedOn(9);
  await devicesReport(suite.db, ids, (deviceId) => (ids.indexOf(deviceId) % 3 === 0 ? "download_only" : "stay_silent"));
  await as(suite.db, pauseRollout, { id });
  await withSql(suite.db, (sql) => sql.query("delete from deployment where id = (select id from deployment where rollout_id = $1 and state = 'queued' limit 1)", [id]));
  const rows = (): Promise<unknown> => withSql(suite.db, (sql) => sql.query(
    `select rollout_id as "rolloutId", direction::text as direction, wave_position as wave, class_name as "className", state::text as state, count(*)::int as n
       from deployment where rollout_id = $1 group by 1, deployment.direction, 3, 4, deployment.state order by 1, deployment.direction, 3, 4, deployment.state`, [id],
  ));
  const counted = (): Promise<unknown> => withSql(suite.db, (sql) => deploymentCounts(sql, [id]));
  expect(await counted()).toEqual(await rows());
  await withSql(suite.db, addUpCounts);
  expect(await counted()).toEqual(await rows());
  expect(await suite.db.prisma.deploymentCountChange.count()).toBe(0);
});

test("how long a device may be away follows the interval that gateways announce, unless the rollout says otherwise", async () => {
  const follows = await startedOn(2);
  const fixed = await startedOn(2, { policy: { offlineAfterMs: 45_000 } });
  await withSql(suite.db, (sql) => announceSyncInterval(sql, 60_000));
  expect((await view(follows.id)).policy.offlineAfterMs).toBe(180_000);
  expect((await view(fixed.id)).policy.offlineAfterMs).toBe(45_000);
  await seenAt(suite.db, follows.ids, new Date(Date.now() - 120_000));
  expect((await view(follows.id)).counts.unreachable).toBe(0);
  await withSql(suite.db, (sql) => announceSyncInterval(sql, 30_000));
  expect((await view(follows.id)).counts.unreachable).toBe(2);
});
