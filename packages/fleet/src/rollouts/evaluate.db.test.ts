import { testDb, type TestDb } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRollout, pauseRollout, resumeRollout, rollbackRollout, startRollout } from "./actions.ts";
import { evaluateRollouts } from "./evaluate.ts";
import {
  addBuild, addDevices, addFleet, as, classNames, devicesReport, seenAt, setRunning, targetBuilds, type Behaviour,
} from "./testing/fleet-world.ts";
import type { DeploymentView, RolloutView, WaveInput } from "./types.ts";
import { getRollout, listDeployments } from "./views.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

const threeWaves: WaveInput[] = [{ percent: 25, soakSeconds: 10 }, { percent: 50, soakSeconds: 10 }, { percent: 100, soakSeconds: 10 }];
let sites = 0;

/** A fleet of its own site, so that tests share one database without meeting. */
async function fleetOf(count: number, options: { neverSeen?: boolean; classes?: readonly string[] } = {}): Promise<{ ids: string[]; fleetId: string; site: string }> {
  sites += 1;
  const site = `site-${sites}`;
  const ids = await addDevices(suite.db, count, new Date(), { ...options, labels: { site } });
  return { ids, fleetId: await addFleet(suite.db, `site=${site}`), site };
}

async function started(buildId: string, fleetId: string, waves: WaveInput[] = threeWaves): Promise<string> {
  const rollout = await as(suite.db, createRollout, { buildId, fleetId, waves });
  await as(suite.db, startRollout, { id: rollout.id });
  return rollout.id;
}

async function tick(seconds = 0, options: { chunk?: number } = {}): Promise<void> {
  const result = await evaluateRollouts(suite.db, new Date(Date.now() + seconds * 1000), options);
  if (result.kind === "evaluated") for (const failure of result.failures) throw failure.error;
}

const view = (id: string): Promise<RolloutView> => as(suite.db, getRollout, { id });
async function deployments(rolloutId: string): Promise<DeploymentView[]> {
  return (await as(suite.db, listDeployments, { rolloutId, limit: 200 })).items;
}
const always = (behaviour: Behaviour) => (): Behaviour => behaviour;

/** Offers, installs and soaks until the rollout rests or `rounds` are over. */
async function run(rolloutId: string, ids: string[], behaviour: (deviceId: string, buildId: string | null) => Behaviour, rounds = 12): Promise<RolloutView> {
  for (let round = 1; round <= rounds; round += 1) {
    await tick(round * 11);
    if ((await view(rolloutId)).state !== "running") break;
    await seenAt(suite.db, ids, new Date(Date.now() + (round + 1) * 11_000));
    await devicesReport(suite.db, ids, behaviour);
  }
  return view(rolloutId);
}

test("24 devices take a build in three waves of 8, 4 and 12, each class in each, and all succeed", async () => {
  const { ids, fleetId } = await fleetOf(24);
  const build = await addBuild(suite.db, "happy");
  const id = await started(build, fleetId);
  await tick();
  const first = await view(id);
  expect(first.counts).toMatchObject({ total: 24, offered: 8, queued: 16 });
  expect(first.waves.map((w) => w.state)).toEqual(["active", "pending", "pending"]);
  const offered = (await deployments(id)).filter((d) => d.state === "offered");
  for (const name of classNames) expect(offered.filter((d) => d.className === name).length).toBe(2);
  expect(first.offeredLastMinute).toBe(8);

  await devicesReport(suite.db, ids, always("succeed"));
  await tick(1);
  const soaking = await view(id);
  expect(soaking.waves[0]).toMatchObject({ state: "soaking", counts: { succeeded: 8 } });
  expect(soaking.counts.offered, "nothing spreads while a wave soaks").toBe(0);

  const done = await run(id, ids, always("succeed"));
  expect(done).toMatchObject({ state: "completed", counts: { total: 24, succeeded: 24, failed: 0, unreachable: 0 } });
  expect(done.waves.map((w) => [w.state, w.counts.total])).toEqual([["passed", 8], ["passed", 4], ["passed", 12]]);
  expect(done.verdict).toBe("Completed: 24 of 24 devices succeeded.");
  expect(new Set((await targetBuilds(suite.db, ids)).values())).toEqual(new Set([build]));
});

test("a build that fails on one device class halts in the first wave; untouched devices stay untouched", async () => {
  const { ids, fleetId } = await fleetOf(24);
  const good = await addBuild(suite.db, "good");
  const bad = await addBuild(suite.db, "bad-on-nano");
  await setRunning(suite.db, ids, good);
  const id = await started(bad, fleetId);
  await tick();
  const nano = new Set((await deployments(id)).filter((d) => d.className === "jetson-nano").map((d) => d.deviceId));
  await devicesReport(suite.db, ids, (deviceId) => (nano.has(deviceId) ? "fail_load" : "succeed"));
  await tick(1);
  const halted = await view(id);
  expect(halted.state).toBe("halted");
  expect(halted.cause).toMatchObject({ code: "failure_rate", value: 25, limit: 10, sampleCount: 8, wave: 0 });
  expect(halted.verdict).toMatch(/^Halted by failure rate in wave 1 at \d\d:\d\d UTC: 2 of 8 devices failed \(25 % > 10 %\)\. Not spreading\. 16 devices untouched\.$/);
  expect(halted.waves.map((w) => w.state)).toEqual(["failed", "pending", "pending"]);
  await tick(300);
  expect(await view(id)).toMatchObject({ state: "halted", counts: { queued: 16, succeeded: 6, failed: 2 } });
  const touched = new Set((await deployments(id)).filter((d) => d.state !== "queued").map((d) => d.deviceId));
  expect(touched.size).toBe(8);
  expect([...(await targetBuilds(suite.db, ids)).keys()].toSorted()).toEqual([...touched].toSorted());
});

test("one failing device of a rare class halts the first wave although the rate over all classes is low", async () => {
  const many = await fleetOf(60, { classes: ["pi4"] });
  const rare = await addDevices(suite.db, 1, new Date(), { classes: ["jetson-nano"], labels: { site: many.site } });
  const id = await started(await addBuild(suite.db, "rare"), many.fleetId, [{ percent: 50, soakSeconds: 10 }, { percent: 100 }]);
  await tick();
  const rareOnes = new Set(rare);
  await devicesReport(suite.db, [...many.ids, ...rare], (deviceId) => (rareOnes.has(deviceId) ? "fail_load" : "succeed"));
  await tick(1);
  const halted = await view(id);
  expect(halted.state).toBe("halted");
  expect(halted.cause?.sentence).toMatch(/in wave 1 at .*: 1 of 1 jetson-nano device failed \(100 % > 10 %\)/);
});

test("pause takes back what no device has begun, lets begun devices finish, and resume offers again with higher versions", async () => {
  const { ids, fleetId } = await fleetOf(24);
  const before = await addBuild(suite.db, "before-pause");
  await setRunning(suite.db, ids, before);
  const build = await addBuild(suite.db, "paused");
  const id = await started(build, fleetId, [{ percent: 100, soakSeconds: 0 }]);
  await tick();
  const some = new Set(ids.slice(0, 5));
  await devicesReport(suite.db, ids, (deviceId) => (some.has(deviceId) ? "download_only" : "stay_silent"));
  await as(suite.db, pauseRollout, { id, reason: "lunch" });
  const paused = await view(id);
  expect(paused).toMatchObject({ state: "paused", counts: { queued: 19, offered: 0, downloading: 5 } });
  expect(paused.verdict).toMatch(/^Paused by Ada at \d\d:\d\d UTC: lunch\. Not spreading\. 5 devices still finish, 19 devices untouched\.$/);
  const targets = await targetBuilds(suite.db, ids);
  for (const deviceId of ids) expect(targets.get(deviceId)).toBe(some.has(deviceId) ? build : before);

  await devicesReport(suite.db, ids, always("succeed"));
  await tick(60);
  expect(await view(id)).toMatchObject({ state: "paused", counts: { succeeded: 5, queued: 19 } });

  await as(suite.db, resumeRollout, { id });
  await tick(61);
  expect((await view(id)).counts).toMatchObject({ offered: 19, succeeded: 5 });
  await devicesReport(suite.db, ids, always("succeed"));
  await tick(62);
  expect(await view(id)).toMatchObject({ state: "completed", counts: { succeeded: 24 } });
});

test("roll back takes each touched device to its own previous build, and devices that went back themselves count at once", async () => {
  const { ids, fleetId } = await fleetOf(12);
  const [a, b, c] = [await addBuild(suite.db, "prev-a"), await addBuild(suite.db, "prev-b"), await addBuild(suite.db, "next-c")];
  await setRunning(suite.db, ids.slice(0, 8), a);
  await setRunning(suite.db, ids.slice(8, 10), b);
  const id = await started(c, fleetId, [{ percent: 50, soakSeconds: 10, maxFailurePercent: 100 }, { percent: 100 }]);
  await tick();
  const wave1 = (await deployments(id)).filter((d) => d.state === "offered");
  const failing = new Set(wave1.filter((d) => d.previousBuild?.id === a).map((d) => d.deviceId).slice(0, 1));
  expect(failing.size).toBe(1);
  await devicesReport(suite.db, ids, (deviceId) => (failing.has(deviceId) ? "go_back" : "succeed"));
  await tick(1);
  await as(suite.db, rollbackRollout, { id, reason: "worse" });
  await tick(2);
  const rolling = await view(id);
  expect(rolling.state).toBe("rolling_back");
  expect(rolling.rollbackCounts).toMatchObject({ total: wave1.length, succeeded: 1, offered: wave1.length - 1 });
  const targets = await targetBuilds(suite.db, wave1.map((d) => d.deviceId));
  for (const d of wave1) expect(targets.get(d.deviceId), d.deviceId).toBe(d.previousBuild?.id ?? null);
  expect(rolling.waves.map((w) => w.state)).toEqual(["skipped", "skipped"]);
  await devicesReport(suite.db, ids, always("succeed"));
  await tick(3);
  const back = await view(id);
  expect(back).toMatchObject({ state: "rolled_back", rollbackCounts: { total: wave1.length, succeeded: wave1.length } });
  expect(back.verdict).toBe(`Rolled back: ${wave1.length} of ${wave1.length} devices are back.`);
});

test("offline devices are counted apart, do not hold a wave up, and take the build when they return", async () => {
  const { ids, fleetId, site } = await fleetOf(20, { classes: ["pi4"] });
  const away = await addDevices(suite.db, 4, new Date(), { neverSeen: true, classes: ["pi4"], labels: { site } });
  const build = await addBuild(suite.db, "offline");
  const id = await started(build, fleetId, [{ percent: 50, soakSeconds: 10 }, { percent: 100, soakSeconds: 10 }]);
  const done = await run(id, ids, always("succeed"));
  expect(done).toMatchObject({ state: "completed", counts: { total: 24, succeeded: 20, unreachable: 4, offered: 4 } });
  expect(done.verdict).toBe("Completed: 20 of 24 devices succeeded, 4 devices not reachable.");
  expect(await devicesReport(suite.db, away, always("succeed"))).toBe(4);
  expect((await view(id)).counts).toMatchObject({ succeeded: 24, unreachable: 0 });
});

test("a newer rollout takes what an older one has not begun, and waits for devices that are busy with it", async () => {
  const { ids, fleetId } = await fleetOf(12, { classes: ["pi4"] });
  const [one, two] = [await addBuild(suite.db, "super-1"), await addBuild(suite.db, "super-2")];
  const first = await started(one, fleetId, [{ percent: 100, soakSeconds: 0 }]);
  await tick();
  const busy = new Set(ids.slice(0, 3));
  await devicesReport(suite.db, ids, (deviceId) => (busy.has(deviceId) ? "download_only" : "stay_silent"));
  const second = await started(two, fleetId, [{ percent: 100, soakSeconds: 0 }]);
  await tick(1);
  expect((await view(first)).counts).toMatchObject({ superseded: 9, downloading: 3 });
  expect((await view(second)).counts).toMatchObject({ offered: 9, queued: 3 });
  await devicesReport(suite.db, [...busy], always("succeed"));
  await tick(2);
  expect((await view(second)).counts).toMatchObject({ offered: 12, queued: 0 });
  await devicesReport(suite.db, ids, always("succeed"));
  await tick(3);
  expect(await view(second)).toMatchObject({ state: "completed", counts: { succeeded: 12 } });
  expect((await view(first)).state).not.toBe("running");
});
