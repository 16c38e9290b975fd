import { testDb, type TestDb } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { approveRollout, cancelRollout, createRollout, pauseRollout, resumeRollout, rollbackRollout, startRollout } from "./actions.ts";
import { evaluateRollouts } from "./evaluate.ts";
import { addBuild, addDevices, addFleet, ada, as, devicesReport, targetBuilds, setRunning, vic } from "./testing/fleet-world.ts";
import type { RolloutView, WaveInput } from "./types.ts";
import { failureGroups, getRollout, listDeployments, listRollouts, rolloutEvents } from "./views.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

let sites = 0;
async function planned(devices = 8, waves: WaveInput[] = [{ percent: 50, soakSeconds: 0 }, { percent: 100, soakSeconds: 0 }]): Promise<{ id: string; ids: string[]; buildId: string; fleetId: string }> {
  sites += 1;
  const ids = await addDevices(suite.db, devices, new Date(), { labels: { site: `act-${sites}` } });
  const fleetId = await addFleet(suite.db, `site=act-${sites}`);
  const buildId = await addBuild(suite.db, `act-${sites}`);
  const { id } = await as(suite.db, createRollout, { buildId, fleetId, waves });
  return { id, ids, buildId, fleetId };
}
const tick = (seconds = 0): Promise<unknown> => evaluateRollouts(suite.db, new Date(Date.now() + seconds * 1000));
const view = (id: string): Promise<RolloutView> => as(suite.db, getRollout, { id });

async function refusalOf(promise: Promise<unknown>): Promise<{ code: string; text: string; extra: Record<string, unknown> }> {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown);
  if (error instanceof FleetError) return { code: error.code, text: error.public, extra: { ...error.extra } };
  throw error instanceof Error ? error : new Error("nothing was refused");
}

test("a planned rollout offers nothing, and only its possible actions are open, the others with a reason", async () => {
  const { id, ids } = await planned();
  await tick();
  const draft = await view(id);
  expect(draft).toMatchObject({ state: "draft", verdict: "Not started.", version: 0, counts: { total: 0 } });
  expect(draft.actions.filter((a) => a.allowed).map((a) => a.action)).toEqual(["start", "cancel"]);
  for (const action of draft.actions) expect(action.allowed, action.action).toBe(action.reason === null);
  expect((await targetBuilds(suite.db, ids)).size).toBe(0);
});

test("an action that is not possible is refused, naming the state and what is possible", async () => {
  const { id } = await planned();
  expect(await refusalOf(as(suite.db, pauseRollout, { id }))).toMatchObject({ code: "illegal_transition", text: "The rollout is not started; only a running one can be paused. Possible now: start, cancel.", extra: { state: "draft", allowed: ["start", "cancel"] } });
  expect((await refusalOf(as(suite.db, approveRollout, { id }))).code).toBe("illegal_transition");
  await as(suite.db, cancelRollout, { id });
  expect((await refusalOf(as(suite.db, startRollout, { id }))).text).toBe("The rollout is cancelled; only one that is not started can be started. Possible now: nothing.");
  expect((await refusalOf(as(suite.db, getRollout, { id: "rol_none" }))).code).toBe("not_found");
});

test("of two people at once one acts and the other is told that somebody was faster; the same click twice is one change", async () => {
  const { id } = await planned();
  await as(suite.db, startRollout, { id });
  const before = await view(id);
  const results = await Promise.allSettled([
    as(suite.db, pauseRollout, { id, expectedVersion: before.version }),
    as(suite.db, cancelRollout, { id, expectedVersion: before.version }),
    as(suite.db, pauseRollout, { id, expectedVersion: before.version }),
  ]);
  expect(results.filter((r) => r.status === "fulfilled").length).toBe(1);
  for (const result of results) if (result.status === "rejected") expect((result.reason as FleetError).code).toBe("version_mismatch");
  const after = await view(id);
  expect(after.version).toBe(before.version + 1);

  const other = await planned();
  await as(suite.db, startRollout, { id: other.id });
  const twice = await Promise.all([as(suite.db, pauseRollout, { id: other.id }), as(suite.db, pauseRollout, { id: other.id })]);
  expect(twice.map((v) => [v.state, v.version])).toEqual([["paused", 2], ["paused", 2]]);
});

test("viewers read but do not act", async () => {
  const { id, buildId, fleetId } = await planned();
  expect((await as(suite.db, getRollout, { id }, vic)).id).toBe(id);
  for (const action of [startRollout, pauseRollout, resumeRollout, cancelRollout, rollbackRollout, approveRollout]) {
    expect((await refusalOf(as(suite.db, action, { id }, vic))).code).toBe("forbidden");
  }
  expect((await refusalOf(as(suite.db, createRollout, { buildId, fleetId, waves: [{ percent: 100 }] }, vic))).code).toBe("forbidden");
});

test("every action leaves an audit row, a rollout event with its sentence, and a change event", async () => {
  const { id } = await planned();
  await as(suite.db, startRollout, { id });
  await as(suite.db, pauseRollout, { id, reason: "lunch" });
  await as(suite.db, resumeRollout, { id });
  await as(suite.db, rollbackRollout, { id, reason: "worse" });
  const audit = await suite.db.prisma.auditEvent.findMany({ where: { objectId: id }, orderBy: { id: "asc" } });
  expect(audit.map((row) => [row.action, row.actorName, row.reason])).toEqual([
    ["rollout.create", "Ada", null], ["rollout.start", "Ada", null], ["rollout.pause", "Ada", "lunch"], ["rollout.resume", "Ada", null], ["rollout.rollback", "Ada", "worse"],
  ]);
  const events = (await as(suite.db, rolloutEvents, { rolloutId: id })).items.toReversed();
  expect(events.map((e) => e.kind)).toEqual(["create", "start", "pause", "resume", "rollback"]);
  expect(events[2]?.sentence).toMatch(/^Paused by Ada at \d\d:\d\d UTC: lunch\.$/);
  expect(await suite.db.prisma.changeEvent.count({ where: { topic: "rollout", objectId: id } })).toBe(5);
});

test("a halted rollout goes on only with a reason, and the failures seen do not halt it again", async () => {
  const { id, ids } = await planned(16);
  await as(suite.db, startRollout, { id });
  await tick();
  const [first] = (await as(suite.db, listDeployments, { rolloutId: id, state: "offered" })).items;
  await devicesReport(suite.db, ids, (deviceId) => (deviceId === first?.deviceId ? "fail_load" : "succeed"));
  await tick(1);
  expect(await view(id)).toMatchObject({ state: "halted", counts: { failed: 1 } });
  const halted = await as(suite.db, rolloutEvents, { rolloutId: id, limit: 1 });
  expect(halted.items[0]).toMatchObject({ kind: "halt", actorName: "rollout evaluator", detail: { failures: [{ code: "load_failed", devices: 1 }] } });
  expect(await suite.db.prisma.auditEvent.count({ where: { objectId: id, action: "rollout.halt" } })).toBe(1);
  expect((await refusalOf(as(suite.db, resumeRollout, { id }))).code).toBe("bad_request");
  expect((await refusalOf(as(suite.db, resumeRollout, { id, reason: "  " }))).code).toBe("bad_request");
  await as(suite.db, resumeRollout, { id, reason: "that device has a bad card" });
  await tick(2);
  expect((await view(id)).waves.map((w) => w.state)).toEqual(["passed", "active"]);
  await devicesReport(suite.db, ids, () => "succeed");
  await tick(3);
  expect(await view(id)).toMatchObject({ state: "completed", counts: { succeeded: 15, failed: 1 } });
});

test("cancel leaves devices with what they have and takes back what was not begun", async () => {
  const { id, ids, buildId } = await planned(8, [{ percent: 100, soakSeconds: 0 }]);
  const before = await addBuild(suite.db, "before-cancel");
  await setRunning(suite.db, ids, before);
  await as(suite.db, startRollout, { id });
  await tick();
  const done = new Set(ids.slice(0, 3));
  const begun = new Set(ids.slice(3, 5));
  await devicesReport(suite.db, ids, (deviceId) => (done.has(deviceId) ? "succeed" : begun.has(deviceId) ? "download_only" : "stay_silent"));
  const cancelled = await as(suite.db, cancelRollout, { id });
  expect(cancelled).toMatchObject({ state: "cancelled", counts: { succeeded: 3, downloading: 2, cancelled: 3, offered: 0 } });
  expect(cancelled.verdict).toMatch(/3 devices keep the build, 2 devices still finish\.$/);
  const targets = await targetBuilds(suite.db, ids);
  for (const deviceId of ids) expect(targets.get(deviceId)).toBe(done.has(deviceId) || begun.has(deviceId) ? buildId : before);
  await devicesReport(suite.db, [...begun], () => "succeed");
  expect((await view(id)).counts).toMatchObject({ succeeded: 5, cancelled: 3 });
});

test("a build that is not ready, a fleet that is not there and devices that cannot take it are told apart", async () => {
  const { fleetId, buildId } = await planned();
  await suite.db.prisma.build.create({ data: { id: "bld_pending", name: "pending", settings: {}, createdById: ada.id } });
  const waves = [{ percent: 100 }];
  expect((await refusalOf(as(suite.db, createRollout, { buildId: "bld_pending", fleetId, waves }))).code).toBe("build_not_ready");
  expect((await refusalOf(as(suite.db, createRollout, { buildId: "bld_none", fleetId, waves }))).code).toBe("not_found");
  expect((await refusalOf(as(suite.db, createRollout, { buildId, fleetId: "flt_none", waves }))).code).toBe("not_found");
  const unfit = await addBuild(suite.db, "unfit", ["mcu"]);
  const { id } = await as(suite.db, createRollout, { buildId: unfit, fleetId, waves });
  expect(await refusalOf(as(suite.db, startRollout, { id }))).toMatchObject({ code: "no_devices", text: "No device can take unfit: of 8 devices 8 without a fitting variant." });
  expect((await view(id)).state).toBe("draft");
});

test("failures are grouped by code, detail and class, the largest first, with three samples", async () => {
  const { id, ids } = await planned(24, [{ percent: 100, soakSeconds: 0 }]);
  await as(suite.db, startRollout, { id });
  await tick();
  const all = (await as(suite.db, listDeployments, { rolloutId: id, limit: 200 })).items;
  const classOf = new Map(all.map((d) => [d.deviceId, d.className]));
  const half = new Set(ids.slice(0, 12));
  await devicesReport(suite.db, ids, (deviceId) => (classOf.get(deviceId) === "pi4" ? "fail_load" : classOf.get(deviceId) === "x64" && half.has(deviceId) ? "go_back" : "succeed"));
  const groups = await as(suite.db, failureGroups, { rolloutId: id });
  expect(groups.map((g) => [g.code, g.className, g.devices, g.sample.length])).toEqual([["load_failed", "pi4", 6, 3], ["probation_failed", "x64", 3, 3]]);
});

test("lists go on where the page before ended, and filters narrow", async () => {
  await planned(1, [{ percent: 100 }]);
  const { id } = await planned(10, [{ percent: 100 }]);
  await as(suite.db, startRollout, { id });
  await tick();
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await as(suite.db, listDeployments, { rolloutId: id, limit: 3, cursor });
    seen.push(...page.items.map((d) => d.id));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  expect(new Set(seen).size).toBe(10);
  expect(seen).toEqual(seen.toSorted().toReversed());
  expect((await as(suite.db, listDeployments, { rolloutId: id, state: "queued" })).items).toEqual([]);
  expect((await refusalOf(as(suite.db, listDeployments, { rolloutId: id, state: "nonsense" }))).code).toBe("bad_request");
  const first = await as(suite.db, listRollouts, { limit: 1 });
  const second = await as(suite.db, listRollouts, { limit: 1, cursor: first.nextCursor ?? "" });
  expect(first.items[0]?.id).toBe(id);
  expect(second.items[0]?.id && second.items[0].id < id).toBe(true);
  expect((await as(suite.db, listRollouts, { state: "running" })).items.every((r) => r.state === "running")).toBe(true);
});
