import { testDb, withTx, type TestDb } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cancelRollout, createRollout } from "../rollouts/index.ts";
import { addBuild, addDevices, as, vic } from "../rollouts/testing/fleet-world.ts";
import { createFleet, deleteFleet, getFleet, listFleets, previewFleet, updateFleet } from "./fleets.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
  await addDevices(suite.db, 12, new Date(), { labels: { site: "lab" } });
  const [revoked] = await addDevices(suite.db, 4, new Date(), { labels: { site: "roof" } });
  await withTx(suite.db, (tx) => tx.device.update({ where: { id: revoked ?? "" }, data: { state: "revoked" } }));
  const [real] = await addDevices(suite.db, 1, new Date(), { labels: { site: "lab" }, classes: ["pi4"] });
  await withTx(suite.db, (tx) => tx.device.update({ where: { id: real ?? "" }, data: { simulated: false } }));
});
afterAll(() => suite.drop());

async function refusalOf(promise: Promise<unknown>): Promise<{ code: string; text: string }> {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown);
  if (error instanceof FleetError) return { code: error.code, text: error.public };
  throw error instanceof Error ? error : new Error("nothing was refused");
}

test("a fleet counts the devices that match right now, simulated ones apart, revoked ones not at all", async () => {
  const lab = await as(suite.db, createFleet, { name: " lab ", query: "site=lab" });
  expect(lab).toMatchObject({ name: "lab", query: "site=lab", devices: 13, simulatedDevices: 12 });
  const all = await as(suite.db, createFleet, { name: "all", query: "" });
  expect(all.devices).toBe(16);
  const listed = await as(suite.db, listFleets, {});
  const devicesOf = new Map(listed.items.map((f) => [f.name, f.devices]));
  expect([devicesOf.get("lab"), devicesOf.get("all")]).toEqual([13, 16]);
  const page = await as(suite.db, listFleets, { limit: 1 });
  expect((await as(suite.db, listFleets, { limit: 1, cursor: page.nextCursor ?? "" })).items.map((f) => f.id)).not.toContain(page.items[0]?.id);
});

test("a preview answers counts by class and a sample, without making anything", async () => {
  const before = await suite.db.prisma.fleet.count();
  const preview = await as(suite.db, previewFleet, { query: "site=lab,class in (pi4, x64)" }, vic);
  expect(preview).toMatchObject({ devices: 7, byClass: [{ className: "pi4", devices: 4 }, { className: "x64", devices: 3 }] });
  expect(preview.sample.length).toBe(5);
  expect(await as(suite.db, previewFleet, { query: "site=moon" })).toMatchObject({ devices: 0, byClass: [], sample: [] });
  expect(await suite.db.prisma.fleet.count()).toBe(before);
});

test("a query that cannot be read is refused with the position of the fault", async () => {
  const query = "site=lab,tier in edge";
  for (const attempt of [() => as(suite.db, previewFleet, { query }), () => as(suite.db, createFleet, { name: "broken", query })]) {
    const refusal = await refusalOf(attempt());
    expect(refusal.code).toBe("selector_invalid");
    expect(refusal.text).toMatch(/position 18/);
  }
  expect(await suite.db.prisma.fleet.count({ where: { name: "broken" } })).toBe(0);
});

test("names are unique, also when two people ask at once", async () => {
  await as(suite.db, createFleet, { name: "taken", query: "" });
  expect((await refusalOf(as(suite.db, createFleet, { name: "taken", query: "site=lab" }))).code).toBe("name_taken");
  const results = await Promise.allSettled([1, 2, 3].map(() => as(suite.db, createFleet, { name: "race", query: "" })));
  expect(results.filter((r) => r.status === "fulfilled").length).toBe(1);
  for (const result of results) if (result.status === "rejected") expect((result.reason as FleetError).code).toBe("name_taken");
  const other = await as(suite.db, createFleet, { name: "other", query: "" });
  expect((await refusalOf(as(suite.db, updateFleet, { id: other.id, name: "taken" }))).code).toBe("name_taken");
  expect((await refusalOf(as(suite.db, createFleet, { name: "  ", query: "" }))).code).toBe("bad_request");
});

test("a fleet is not deleted while a rollout on it is planned or under way; a finished rollout keeps its page", async () => {
  const fleet = await as(suite.db, createFleet, { name: "used", query: "site=lab" });
  const rollout = await as(suite.db, createRollout, { name: "trial", buildId: await addBuild(suite.db, "used"), fleetId: fleet.id, waves: [{ percent: 100 }] });
  expect(await refusalOf(as(suite.db, deleteFleet, { id: fleet.id }))).toEqual({ code: "conflict", text: 'The fleet used is used by "trial" (draft). Cancel or finish that first.' });
  await as(suite.db, cancelRollout, { id: rollout.id });
  await as(suite.db, deleteFleet, { id: fleet.id });
  expect((await refusalOf(as(suite.db, getFleet, { id: fleet.id }))).code).toBe("not_found");
  const { getRollout } = await import("../rollouts/index.ts");
  expect((await as(suite.db, getRollout, { id: rollout.id })).fleet).toEqual({ id: fleet.id, name: "deleted fleet" });
});

test("changes are audited and told to gateways and live pages; viewers change nothing", async () => {
  const counter = async (): Promise<bigint> => (await suite.db.prisma.versionCounter.findUnique({ where: { name: "fleet" } }))?.value ?? 0n;
  const before = await counter();
  const fleet = await as(suite.db, createFleet, { name: "told", query: "site=lab" });
  const changed = await as(suite.db, updateFleet, { id: fleet.id, query: "site=roof" });
  expect(changed).toMatchObject({ name: "told", query: "site=roof", devices: 3 });
  await as(suite.db, updateFleet, { id: fleet.id, query: "site=roof" });
  await as(suite.db, deleteFleet, { id: fleet.id });
  expect(await counter()).toBe(before + 3n);
  const audit = await suite.db.prisma.auditEvent.findMany({ where: { objectId: fleet.id }, orderBy: { id: "asc" } });
  expect(audit.map((row) => row.action)).toEqual(["fleet.create", "fleet.update", "fleet.delete"]);
  expect(await suite.db.prisma.changeEvent.count({ where: { topic: "fleet", objectId: fleet.id } })).toBe(3);
  expect((await refusalOf(as(suite.db, createFleet, { name: "no", query: "" }, vic))).code).toBe("forbidden");
});
