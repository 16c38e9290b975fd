import { testDb, withSql, type TestDb } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cancelRollout, createRollout, pauseRollout, rollbackRollout, startRollout } from "./actions.ts";
import { evaluateRollouts } from "./evaluate.ts";
import { previewRollout } from "./preview.ts";
import { addBuild, addDevices, addFleet, as, devicesReport, seenAt, setRunning, targetBuilds } from "./testing/fleet-world.ts";
import type { DeploymentView, RolloutView, WaveInput } from "./types.ts";
import { getRollout, listDeployments } from "./views.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

let sites = 0;
const newSite = (): string => `mem-${(sites += 1)}`;
const at = (seconds: number): Date => new Date(Date.now() + seconds * 1000);
async function tick(seconds = 0): Promise<void> {
  const result = await evaluateRollouts(suite.db, at(seconds));
  if (result.kind === "evaluated") for (const failure of result.failures) throw failure.error;
}
const view = (id: string): Promise<RolloutView> => as(suite.db, getRollout, { id });
const deployments = async (rolloutId: string): Promise<DeploymentView[]> => (await as(suite.db, listDeployments, { rolloutId, limit: 200 })).items;
const partOf = async (rolloutId: string, deviceId: string | undefined): Promise<DeploymentView | undefined> => (await deployments(rolloutId)).find((d) => d.deviceId === deviceId && d.direction === "forward");
const revoke = (id: string | undefined): Promise<unknown> => suite.db.prisma.device.update({ where: { id: id ?? "" }, data: { state: "revoked" } });

async function started(buildId: string, fleetId: string, waves: WaveInput[] = [{ percent: 100, soakSeconds: 0 }]): Promise<string> {
  const { id } = await as(suite.db, createRollout, { buildId, fleetId, waves });
  await as(suite.db, startRollout, { id });
  return id;
}

test("the preview counts exactly who takes part, who does not and why, and the rollout then does just that", async () => {
  const site = newSite();
  const ids = await addDevices(suite.db, 24, new Date(), { labels: { site } });
  const away = await addDevices(suite.db, 4, new Date(), { labels: { site }, neverSeen: true });
  const build = await addBuild(suite.db, "preview", ["pi4", "pi5", "x64"]);
  const running = ids.filter((_, i) => i % 4 === 0).slice(0, 2);
  await setRunning(suite.db, running, build);
  await revoke(ids[1]);
  const fleetId = await addFleet(suite.db, `site=${site}`);
  const waves: WaveInput[] = [{ percent: 10, soakSeconds: 0 }, { percent: 50, soakSeconds: 0 }, { percent: 100, soakSeconds: 0 }];
  const preview = await as(suite.db, previewRollout, { buildId: build, fleetId, waves });
  expect(preview).toMatchObject({ eligible: 18, unreachable: 3 });
  expect(preview.excluded.map((group) => [group.reason, group.devices])).toEqual([["no_variant", 7], ["already_running", 2], ["revoked", 1]]);
  expect(preview.excluded[0]).toMatchObject({ sentence: "no variant is meant for device class jetson-nano" });
  expect(preview.excluded[0]?.sample.length).toBe(3);
  expect(preview.waves.map((wave) => wave.devices)).toEqual([3, 7, 8]);
  expect(preview.waves[0]?.byClass).toEqual([{ className: "pi4", devices: 1 }, { className: "pi5", devices: 1 }, { className: "x64", devices: 1 }]);
  expect(preview.sentence).toBe("preview goes to 18 of 28 devices in 3 waves; left out: 7 without a fitting variant, 2 running it already, 1 revoked.");

  const id = await started(build, fleetId, waves);
  await tick();
  const rollout = await view(id);
  expect(rollout.counts).toMatchObject({ total: 28, skipped: 10, offered: 3, queued: 15 });
  expect(rollout.waves.map((wave) => wave.counts.total - wave.counts.skipped)).toEqual([3, 7, 8]);
  expect((await partOf(id, running[0]))?.skipReason).toBe("already_running: the device already attests to run this build");
  expect((await partOf(id, ids[2]))?.skipReason).toBe("no_variant: no variant is meant for device class jetson-nano");
  expect(away.length).toBe(4);
});

test("a build that is only wished for, or attested with another digest, is not 'already running'", async () => {
  const site = newSite();
  const ids = await addDevices(suite.db, 2, new Date(), { labels: { site }, classes: ["pi4"] });
  const build = await addBuild(suite.db, "attested");
  await setRunning(suite.db, ids, build);
  await withSql(suite.db, (sql) => sql.query("update device_live set running_sha256 = 'not of this build' where device_id = $1", [ids[0]]));
  const preview = await as(suite.db, previewRollout, { buildId: build, fleetId: await addFleet(suite.db, `site=${site}`), waves: [{ percent: 100 }] });
  expect(preview.eligible).toBe(1);
});

test("the preview warns of devices whose CPUs clip sums of the variant they take", async () => {
  const site = newSite();
  const [old] = await addDevices(suite.db, 3, new Date(), { labels: { site }, classes: ["nuc"] });
  await addDevices(suite.db, 5, new Date(), { labels: { site }, classes: ["pi4"] });
  const real = async (id: string | undefined, isa: string[]): Promise<void> => {
    const device = await suite.db.prisma.device.findUniqueOrThrow({ where: { id: id ?? "" } });
    await suite.db.prisma.device.update({ where: { id: device.id }, data: { class: { ...(device.class as object), arch: "x64", isa, simulated: false } } });
  };
  const build = await addBuild(suite.db, "clipped");
  const fleetId = await addFleet(suite.db, `site=${site}`);
  const preview = () => as(suite.db, previewRollout, { buildId: build, fleetId, waves: [{ percent: 100 }] });
  await real(old, ["avx2"]);
  expect((await preview()).cautions, "nothing is known to saturate").toEqual([]);
  await suite.db.prisma.versionReport.create({ data: { versionId: "ver_clipped", report: { saturation: { saturatedNodes: 2 } } } });
  expect((await preview()).cautions).toEqual([{ devices: 1, sentence: expect.stringMatching(/^1 device of class nuc takes clipped v1, .* without VNNI/) as string }]);
  await real(old, ["avx2", "avx_vnni"]);
  expect((await preview()).cautions).toEqual([]);
});

test("devices that begin to match join a running rollout in the wave of their bucket, at once where it is open; a completed one takes nobody in", async () => {
  const site = newSite();
  const ids = await addDevices(suite.db, 4, new Date(), { labels: { site }, classes: ["pi4"] });
  const id = await started(await addBuild(suite.db, "joiners"), await addFleet(suite.db, `site=${site}`), [{ percent: 50, soakSeconds: 0 }, { percent: 100, soakSeconds: 0 }]);
  await tick();
  const late = await addDevices(suite.db, 40, new Date(), { labels: { site }, classes: ["pi4"] });
  await tick(1);
  const parts = (await deployments(id)).filter((d) => late.includes(d.deviceId));
  expect(parts.length).toBe(40);
  for (const part of parts) expect(part.state, `wave ${part.wave}`).toBe(part.wave === 0 ? "offered" : "queued");
  expect(new Set(parts.map((part) => part.wave)).size).toBe(2);
  for (let round = 2; round < 6; round += 1) {
    await devicesReport(suite.db, [...ids, ...late], () => "succeed");
    await tick(round);
  }
  expect(await view(id)).toMatchObject({ state: "completed", counts: { total: 44, succeeded: 44 } });
  await addDevices(suite.db, 1, new Date(), { labels: { site } });
  await tick(7);
  expect((await view(id)).counts.total).toBe(44);
});

test("a device that left the fleet, was revoked or got the build by other means before its turn is skipped with the reason", async () => {
  const site = newSite();
  const ids = await addDevices(suite.db, 8, new Date(), { labels: { site }, classes: ["pi4"] });
  const build = await addBuild(suite.db, "leavers");
  const id = await started(build, await addFleet(suite.db, `site=${site}`), [{ percent: 50, soakSeconds: 0 }, { percent: 100, soakSeconds: 0 }]);
  await tick();
  const [left, revoked, running] = (await deployments(id)).filter((d) => d.state === "queued").map((d) => d.deviceId);
  await suite.db.prisma.device.update({ where: { id: left ?? "" }, data: { labels: { class: "pi4", site: "elsewhere" } } });
  await revoke(revoked);
  await setRunning(suite.db, [running ?? ""], build);
  await devicesReport(suite.db, ids, () => "succeed");
  await tick(1);
  expect((await partOf(id, left))?.skipReason).toMatch(/^left_fleet:/);
  expect((await partOf(id, revoked))?.skipReason).toMatch(/^revoked:/);
  expect((await partOf(id, running))?.skipReason).toMatch(/^already_running:/);
  expect((await view(id)).counts).toMatchObject({ skipped: 3, succeeded: 4, offered: 1 });
});

test("a device revoked in the middle of an install does not count as a failure", async () => {
  const site = newSite();
  const ids = await addDevices(suite.db, 3, new Date(), { labels: { site }, classes: ["pi4"] });
  const id = await started(await addBuild(suite.db, "revoked-late"), await addFleet(suite.db, `site=${site}`));
  await tick();
  await devicesReport(suite.db, ids, () => "download_only");
  await revoke(ids[0]);
  await tick(3600);
  expect((await partOf(id, ids[0]))?.state).toBe("skipped");
});

test("a device never gets an older rollout after a newer one", async () => {
  const site = newSite();
  const ids = await addDevices(suite.db, 6, new Date(), { labels: { site }, classes: ["pi4"] });
  const fleetId = await addFleet(suite.db, `site=${site}`);
  const older = await as(suite.db, createRollout, { buildId: await addBuild(suite.db, "older"), fleetId, waves: [{ percent: 100, soakSeconds: 0 }] });
  const newerBuild = await addBuild(suite.db, "newer");
  const newer = await started(newerBuild, fleetId);
  await tick();
  await devicesReport(suite.db, ids.slice(0, 5), () => "succeed");
  await devicesReport(suite.db, ids.slice(5), () => "fail_load");
  await as(suite.db, cancelRollout, { id: newer });
  await as(suite.db, startRollout, { id: older.id });
  await tick(1);
  expect((await view(older.id)).counts, "only the device that does not run the newer build").toMatchObject({ skipped: 5, offered: 1 });
  expect((await partOf(older.id, ids[0]))?.skipReason).toMatch(/^in_other_rollout:/);
});

test("a rollout all of whose devices a newer one took is superseded, and its devices want again what they run until their new turn", async () => {
  const site = newSite();
  const ids = await addDevices(suite.db, 8, new Date(), { labels: { site }, classes: ["pi4"] });
  const fleetId = await addFleet(suite.db, `site=${site}`);
  const base = await addBuild(suite.db, "base");
  await setRunning(suite.db, ids, base);
  const first = await started(await addBuild(suite.db, "taken"), fleetId);
  await tick();
  await as(suite.db, pauseRollout, { id: first });
  const newBuild = await addBuild(suite.db, "taker");
  const second = await started(newBuild, fleetId, [{ percent: 50 }, { percent: 100 }]);
  await tick(1);
  await tick(2);
  expect(await view(first)).toMatchObject({ state: "superseded", counts: { superseded: 8 }, cause: { code: "superseded" } });
  expect((await view(first)).waves.map((w) => w.state)).toEqual(["skipped"]);
  const targets = [...(await targetBuilds(suite.db, ids)).values()];
  expect(targets.filter((build) => build === newBuild).length).toBe(4);
  expect(targets.filter((build) => build === base).length).toBe(4);
  expect((await view(second)).counts).toMatchObject({ offered: 4, queued: 4 });
});

test("a roll back leaves alone devices that another rollout has by now, and sends the others home even when they are away", async () => {
  const site = newSite();
  const ids = await addDevices(suite.db, 6, new Date(), { labels: { site, half: "a" }, classes: ["pi4"] });
  const others = await addDevices(suite.db, 4, new Date(), { labels: { site, half: "b" }, classes: ["pi4"] });
  const all = [...ids, ...others];
  const base = await addBuild(suite.db, "home");
  await setRunning(suite.db, all, base);
  const first = await started(await addBuild(suite.db, "trip"), await addFleet(suite.db, `site=${site}`));
  await tick();
  await devicesReport(suite.db, all, () => "succeed");
  await tick(1);
  expect((await view(first)).state).toBe("completed");
  const next = await addBuild(suite.db, "next-trip");
  await started(next, await addFleet(suite.db, `site=${site},half=b`));
  await tick(2);
  await devicesReport(suite.db, others, () => "succeed");
  const away = ids.slice(0, 2);
  await seenAt(suite.db, away, at(-3600));
  await as(suite.db, rollbackRollout, { id: first });
  await tick(3);
  expect((await view(first)).rollbackCounts).toMatchObject({ total: 10, skipped: 4, offered: 6, unreachable: 2 });
  const back = (await deployments(first)).filter((d) => d.direction === "rollback" && others.includes(d.deviceId));
  for (const deployment of back) expect(deployment.skipReason).toMatch(/^newer_rollout:/);
  await devicesReport(suite.db, ids.slice(2), () => "succeed");
  await tick(4);
  const rolledBack = await view(first);
  expect(rolledBack).toMatchObject({ state: "rolled_back", verdict: "Rolled back: 4 of 6 devices are back, 2 devices not reachable." });
  const targets = await targetBuilds(suite.db, all);
  for (const id of ids) expect(targets.get(id)).toBe(base);
  for (const id of others) expect(targets.get(id)).toBe(next);
  await devicesReport(suite.db, away, () => "succeed");
  expect((await view(first)).rollbackCounts).toMatchObject({ succeeded: 6, offered: 0 });
});

test("a device that cannot go back keeps the roll back open; asking again offers it again with a higher version", async () => {
  const site = newSite();
  const ids = await addDevices(suite.db, 3, new Date(), { labels: { site }, classes: ["pi4"] });
  await setRunning(suite.db, ids, await addBuild(suite.db, "stuck-home"));
  const id = await started(await addBuild(suite.db, "stuck"), await addFleet(suite.db, `site=${site}`));
  await tick();
  await devicesReport(suite.db, ids, () => "succeed");
  await as(suite.db, rollbackRollout, { id });
  await tick(1);
  await devicesReport(suite.db, ids, (deviceId) => (deviceId === ids[0] ? "fail_load" : "succeed"));
  await tick(2);
  const stuck = await view(id);
  expect(stuck).toMatchObject({ state: "rolling_back", verdict: 'Rolling back: 2 of 3 devices are back, 1 device could not go back; "roll back" tries them again.' });
  expect(stuck.actions.find((a) => a.action === "rollback")?.allowed).toBe(true);
  await as(suite.db, rollbackRollout, { id });
  await devicesReport(suite.db, ids, () => "succeed");
  await tick(3);
  expect(await view(id)).toMatchObject({ state: "rolled_back", rollbackCounts: { succeeded: 3, failed: 0 } });
});

test("a device that is back and attests it, without a report about it, counts as back", async () => {
  const site = newSite();
  const ids = await addDevices(suite.db, 3, new Date(), { labels: { site }, classes: ["pi4"] });
  const home = await addBuild(suite.db, "silent-home");
  const id = await started(await addBuild(suite.db, "silent"), await addFleet(suite.db, `site=${site}`));
  await tick();
  await devicesReport(suite.db, ids, () => "succeed");
  await as(suite.db, rollbackRollout, { id });
  await tick(1);
  await setRunning(suite.db, ids.slice(1), null);
  await setRunning(suite.db, ids.slice(0, 1), home);
  await tick(2);
  expect((await view(id)).rollbackCounts, "one still runs something else").toMatchObject({ succeeded: 2, offered: 1 });
});

test("a rollout waits for a device that is on its way back from another", async () => {
  const site = newSite();
  const ids = await addDevices(suite.db, 4, new Date(), { labels: { site }, classes: ["pi4"] });
  const fleetId = await addFleet(suite.db, `site=${site}`);
  const home = await addBuild(suite.db, "wait-home");
  await setRunning(suite.db, ids, home);
  const first = await started(await addBuild(suite.db, "wait-1"), fleetId);
  await tick();
  await devicesReport(suite.db, ids, () => "succeed");
  await as(suite.db, rollbackRollout, { id: first });
  await tick(1);
  await devicesReport(suite.db, ids.slice(1), () => "succeed");
  const second = await started(await addBuild(suite.db, "wait-2"), fleetId);
  await tick(2);
  expect((await view(second)).counts).toMatchObject({ offered: 3, queued: 1 });
  await devicesReport(suite.db, ids.slice(0, 1), () => "succeed");
  await tick(3);
  expect(await partOf(second, ids[0])).toMatchObject({ state: "offered", previousBuild: { id: home } });
});
