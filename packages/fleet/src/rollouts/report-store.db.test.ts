import { testDb, withSql, type TestDb } from "@flotilla/db";
import type { DeploymentReport } from "@flotilla/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRollout, startRollout } from "./actions.ts";
import { evaluateRollouts } from "./evaluate.ts";
import { reportDeployments, type DeploymentReportItem } from "./report-store.ts";
import { targetsOf, targetsSince } from "./targets-store.ts";
import { addBuild, addDevices, addFleet, as, manifestSha256, runningOf } from "./testing/fleet-world.ts";
import { getRollout, listDeployments } from "./views.ts";
import type { DeploymentView } from "./types.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

let sites = 0;
async function offered(count = 2): Promise<{ id: string; ids: string[]; buildId: string; items: (report: Partial<DeploymentReport>) => DeploymentReportItem[] }> {
  sites += 1;
  const ids = await addDevices(suite.db, count, new Date(), { labels: { site: `rep-${sites}` }, classes: ["pi4"] });
  const buildId = await addBuild(suite.db, `rep-${sites}`);
  const { id } = await as(suite.db, createRollout, { buildId, fleetId: await addFleet(suite.db, `site=rep-${sites}`), waves: [{ percent: 100, maxFailurePercent: 100 }] });
  await as(suite.db, startRollout, { id });
  await evaluateRollouts(suite.db, new Date());
  const targets = await withSql(suite.db, (sql) => targetsOf(sql, ids));
  const items = (report: Partial<DeploymentReport>): DeploymentReportItem[] =>
    targets.map(({ deviceId, target }) => ({
      deviceId, running: null,
      report: { deploymentId: target?.deploymentId ?? "", targetVersion: target?.targetVersion ?? 1, attempt: 1, phase: "downloading", ...report },
    }));
  return { id, ids, buildId, items };
}

const report = (items: DeploymentReportItem[]): Promise<void> => withSql(suite.db, (sql) => reportDeployments(sql, items));
const deployments = async (rolloutId: string): Promise<DeploymentView[]> => (await as(suite.db, listDeployments, { rolloutId })).items;
const changes = (id: string): Promise<number> => suite.db.prisma.changeEvent.count({ where: { topic: "rollout", objectId: id } });

test("a batch of reports makes one change event per rollout, and repeating it makes none", async () => {
  const { id, items } = await offered(5);
  const before = await changes(id);
  await report(items({}));
  expect(await changes(id)).toBe(before + 1);
  await report(items({}));
  expect(await changes(id)).toBe(before + 1);
  expect((await as(suite.db, getRollout, { id })).counts).toMatchObject({ downloading: 5, offered: 0 });
});

test("reports of another device, of an unknown deployment or of a target that is gone are ignored", async () => {
  const { id, ids, items } = await offered(2);
  const [one] = items({});
  if (one === undefined) throw new Error("no target");
  await report([{ ...one, deviceId: ids.find((other) => other !== one.deviceId) ?? "" }]);
  await report([{ ...one, report: { ...one.report, deploymentId: "dep_unknown" } }]);
  await report([{ ...one, report: { ...one.report, targetVersion: one.report.targetVersion + 1 } }]);
  await report([]);
  expect((await as(suite.db, getRollout, { id })).counts).toMatchObject({ offered: 2, downloading: 0 });
});

test("several reports of one device in a batch are taken in their order", async () => {
  const { id, buildId, items } = await offered(1);
  const done = items({ phase: "succeeded", probe: { passed: true, loadMs: 3, maxAbsError: 0 } }).map((item) => ({ ...item, running: runningOf(buildId) }));
  await report([...items({}), ...items({ phase: "verifying" }), ...done, ...items({ phase: "installing" })]);
  const [deployment] = await deployments(id);
  expect(deployment).toMatchObject({ state: "succeeded", deadlineAt: null });
  const row = await suite.db.prisma.deployment.findFirstOrThrow({ where: { rolloutId: id } });
  expect(row.runningSha256).toBe(manifestSha256(buildId));
  expect(row.retrievedAt).not.toBeNull();
});

test("the deadline is stored at pick-up and at each new attempt, expiry is a failure, and a late success corrects it", async () => {
  const { id, buildId, items } = await offered(1);
  expect((await deployments(id))[0]?.deadlineAt, "an offer that is not picked up has no deadline").toBeNull();
  await report(items({}));
  const picked = Date.parse((await deployments(id))[0]?.deadlineAt ?? "");
  expect(picked - Date.now()).toBeGreaterThan(30 * 60_000);
  await report(items({ phase: "installing" }));
  expect(Date.parse((await deployments(id))[0]?.deadlineAt ?? "")).toBe(picked);
  await report(items({ attempt: 2 }));
  const again = Date.parse((await deployments(id))[0]?.deadlineAt ?? "");
  expect(again).toBeGreaterThan(picked);

  await evaluateRollouts(suite.db, new Date(again - 1));
  expect((await deployments(id))[0]?.state).toBe("downloading");
  await evaluateRollouts(suite.db, new Date(again));
  expect((await deployments(id))[0]).toMatchObject({ state: "timed_out", failureCode: "timeout" });
  expect((await as(suite.db, getRollout, { id })).counts).toMatchObject({ timedOut: 1, resolved: 1 });

  await report(items({ attempt: 2, phase: "succeeded", probe: { passed: true, loadMs: 3, maxAbsError: 0 } }).map((item) => ({ ...item, running: runningOf(buildId) })));
  expect((await deployments(id))[0]).toMatchObject({ state: "succeeded", failureCode: null });
  expect((await as(suite.db, getRollout, { id })).counts).toMatchObject({ timedOut: 0, succeeded: 1, resolved: 1 });
});

test("from the switch on a shorter deadline holds, and a claim without evidence does not move it", async () => {
  const { id, items } = await offered(1);
  await report(items({}));
  await report(items({ phase: "verifying" }));
  const deadline = Date.parse((await deployments(id))[0]?.deadlineAt ?? "");
  expect(deadline - Date.now()).toBeLessThanOrEqual(11 * 60_000);
  await report(items({ phase: "succeeded", probe: { passed: true, loadMs: 3, maxAbsError: 0 } }));
  expect(Date.parse((await deployments(id))[0]?.deadlineAt ?? "")).toBe(deadline);
  await evaluateRollouts(suite.db, new Date(deadline));
  expect((await deployments(id))[0]).toMatchObject({ state: "timed_out" });
});

test("success without the attested digest stays on verification", async () => {
  const { id, items } = await offered(1);
  const other = await addBuild(suite.db, "another");
  await report(items({ phase: "succeeded", probe: { passed: true, loadMs: 3, maxAbsError: 0 } }).map((item) => ({ ...item, running: runningOf(other) })));
  expect((await deployments(id))[0]?.state).toBe("verifying");
});

test("targets since a number miss none and name the build by its manifest", async () => {
  const start = await withSql(suite.db, (sql) => targetsSince(sql, 0));
  const { ids, buildId } = await offered(3);
  const next = await withSql(suite.db, (sql) => targetsSince(sql, start.changeSeq));
  expect(next.entries.map((entry) => entry.deviceId).toSorted()).toEqual(ids.toSorted());
  expect(next.changeSeq).toBeGreaterThan(start.changeSeq);
  expect(next.entries[0]?.target).toMatchObject({
    targetVersion: 1, maxAttempts: 2, attemptTimeoutMs: 30 * 60_000, build: { buildId, manifest: { sha256: manifestSha256(buildId), sizeBytes: 1234 } },
  });
  expect(await withSql(suite.db, (sql) => targetsSince(sql, next.changeSeq))).toEqual({ entries: [], changeSeq: next.changeSeq });
  expect(await withSql(suite.db, (sql) => targetsOf(sql, ["dev_none"]))).toEqual([]);
});

test("a target's version is above every version the device says it has", async () => {
  sites += 1;
  const [device] = await addDevices(suite.db, 1, new Date(), { labels: { site: `rep-${sites}` } });
  await withSql(suite.db, (sql) => sql.query("update device_live set target_version = 41 where device_id = $1", [device]));
  const { id } = await as(suite.db, createRollout, { buildId: await addBuild(suite.db, "restored"), fleetId: await addFleet(suite.db, `site=rep-${sites}`), waves: [{ percent: 100 }] });
  await as(suite.db, startRollout, { id });
  await evaluateRollouts(suite.db, new Date());
  expect((await withSql(suite.db, (sql) => targetsOf(sql, [device ?? ""])))[0]?.target?.targetVersion).toBe(42);
});
