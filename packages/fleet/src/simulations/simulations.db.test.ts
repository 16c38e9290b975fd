import { readdirSync } from "node:fs";
import { join } from "node:path";
import { testDb, withTx, type TestDb } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Principal } from "../principal.ts";
import {
  createSimulation, ensureSimulation, getSimulation, listSimulations, serveSimulations, setSimulationFaults, simulationScenarios, startSimulation, stopSimulation,
  type SimulationNumbers, type SimulationReport, type SimulationView,
} from "./index.ts";

let held: TestDb;
beforeAll(async () => {
  held = await testDb();
});
afterAll(() => held.drop());

const operator: Principal = { kind: "user", id: "usr_operator", name: "Olga", role: "operator" };
const viewer: Principal = { kind: "user", id: "usr_viewer", name: "Vera", role: "viewer" };

const create = (devices = 20): Promise<SimulationView> => withTx(held.db, (tx) => createSimulation(tx, operator, { scenario: "demo", devices }));
const view = (id: string): Promise<SimulationView> => withTx(held.db, (tx) => getSimulation(tx, viewer, { id }));
const stop = (id: string): Promise<SimulationView> => withTx(held.db, (tx) => stopSimulation(tx, operator, { id }));
const serve = async (runner: string, reports: SimulationReport[] = [], places = 10): Promise<string[]> =>
  (await withTx(held.db, (tx) => serveSimulations(tx, operator, { runner, reports, places }))).run.map((order) => order.id);
/** As if the simulator had been silent for so long. */
const silentFor = (id: string, ms: number) => held.db.prisma.simulation.update({ where: { id }, data: { heartbeatAt: new Date(Date.now() - ms) } });

const none = { p50: null, p95: null, p99: null, max: null };
const numbers: SimulationNumbers = {
  enrolled: 20, online: 20, elapsedMs: 5_000, syncs: 100, syncsPerSecond: 20, syncLatencyMs: none, errors: {}, installs: { succeeded: 0, failed: 0, rolledBack: 0 },
  windows: { produced: 0, acked: 0, dropped: 0 }, inferences: { count: 0, errors: 0, latencyMs: none }, crashes: 0, cpuPercent: 3, rssBytes: 1e8,
};

test("the scenarios that people can choose are those that the simulator ships, with their classes", async () => {
  const folder = join(import.meta.dirname, "../../../../apps/device-sim/scenarios");
  expect(simulationScenarios.map((one) => `${one.name}.json`).toSorted()).toEqual(readdirSync(folder).toSorted());
  for (const { name, classes } of simulationScenarios) {
    const { default: file } = (await import(join(folder, `${name}.json`), { with: { type: "json" } })) as { default: { classes: { name: string }[] } };
    expect(file.classes.map((one) => one.name), name).toEqual(classes);
  }
});

test("a simulation is taken by one simulator, runs, is stopped, and can be started again; each step by a person is audited", async () => {
  const { id } = await create();
  expect(await view(id)).toMatchObject({ state: "waiting", wanted: "running", query: `simulation=${id}`, numbers: null });
  const [a, b] = await Promise.all([serve("a"), serve("b")]);
  expect([...a, ...b].filter((one) => one === id)).toHaveLength(1);
  const runner = a.includes(id) ? "a" : "b";
  expect(await serve(runner, [{ id, state: "running", numbers }])).toContain(id);
  expect(await view(id)).toMatchObject({ state: "running", numbers: { online: 20 }, startedAt: expect.any(String) });
  expect(await stop(id)).toMatchObject({ state: "stopping", wanted: "stopped" });
  expect(await serve(runner, [{ id, state: "running", numbers }])).not.toContain(id);
  expect((await view(id)).state).toBe("stopping");
  await serve(runner, [{ id, state: "stopped", numbers }]);
  expect((await view(id)).state).toBe("stopped");
  await withTx(held.db, (tx) => startSimulation(tx, operator, { id }));
  expect(await serve("b")).toContain(id);
  await stop(id);
  const audit = await held.db.prisma.auditEvent.findMany({ where: { objectId: id }, orderBy: { id: "asc" } });
  expect(audit.map((row) => row.action)).toEqual(["simulation.create", "simulation.stop", "simulation.start", "simulation.stop"]);
});

test("a simulator that falls silent loses its fleets to another one, and does not get them back by talking again", async () => {
  const { id } = await create();
  expect(await serve("quiet")).toContain(id);
  await serve("quiet", [{ id, state: "running", numbers }]);
  expect(await serve("other")).not.toContain(id);
  await silentFor(id, 20_000);
  expect((await view(id)).state).toBe("lost");
  expect(await serve("other")).toContain(id);
  expect(await serve("quiet", [{ id, state: "failed", problem: "late news" }])).not.toContain(id);
  expect(await view(id)).toMatchObject({ state: "starting", problem: null });
  await stop(id);
});

test("a fleet that could not start says why, is not taken again by itself, and is when somebody starts it", async () => {
  const { id } = await create();
  await serve("a");
  expect(await serve("a", [{ id, state: "failed", problem: "the gateway does not answer" }])).not.toContain(id);
  expect(await serve("b")).not.toContain(id);
  expect(await view(id)).toMatchObject({ state: "failed", problem: "the gateway does not answer" });
  await withTx(held.db, (tx) => startSimulation(tx, operator, { id }));
  expect(await serve("b")).toContain(id);
  await stop(id);
});

test("faults are injected and cleared while it runs, only known ones, and the simulator is told", async () => {
  const { id } = await create();
  const inject = (faults: object) => withTx(held.db, (tx) => setSimulationFaults(tx, operator, { id, faults }));
  expect((await inject({ outage: true, lossPercent: 0, slowFactor: 1, badClass: "pi4" })).faults).toEqual({ outage: true, badClass: "pi4" });
  const { run } = await withTx(held.db, (tx) => serveSimulations(tx, operator, { runner: "a", reports: [], places: 10 }));
  expect(run.find((order) => order.id === id)?.faults).toEqual({ outage: true, badClass: "pi4" });
  await expect(inject({ badClass: "toaster" })).rejects.toThrow("toaster");
  await expect(inject({ lossPercent: 101 })).rejects.toThrow("lossPercent");
  expect((await inject({})).faults).toEqual({});
  await stop(id);
  await expect(inject({ outage: true })).rejects.toMatchObject({ code: "conflict" });
});

test("viewers read; operators change; wrong scenarios, numbers and taken names are refused", async () => {
  await expect(withTx(held.db, (tx) => createSimulation(tx, viewer, { scenario: "demo", devices: 1 }))).rejects.toMatchObject({ code: "forbidden" });
  await expect(withTx(held.db, (tx) => serveSimulations(tx, viewer, { runner: "v", reports: [], places: 1 }))).rejects.toMatchObject({ code: "forbidden" });
  for (const input of [{ scenario: "none", devices: 1 }, { scenario: "demo", devices: 0 }, { scenario: "demo", devices: 10_001 }, { scenario: "demo", devices: 1, seed: 0.5 }]) {
    await expect(withTx(held.db, (tx) => createSimulation(tx, operator, input)), JSON.stringify(input)).rejects.toMatchObject({ code: "bad_request" });
  }
  const named = { name: "Twice", scenario: "demo", devices: 1 };
  const { id } = await withTx(held.db, (tx) => createSimulation(tx, operator, named));
  await expect(withTx(held.db, (tx) => createSimulation(tx, operator, named))).rejects.toMatchObject({ code: "name_taken" });
  await stop(id);
  expect((await withTx(held.db, (tx) => listSimulations(tx, viewer, {}))).items.map((one) => one.id)).toContain(id);
});

test("a launcher's fleet is made once, and wanted again at each start with the number it is given", async () => {
  const ensure = (devices: number) => withTx(held.db, (tx) => ensureSimulation(tx, operator, { name: "Demo fleet", scenario: "demo", devices, seed: 7 }));
  const { id } = await ensure(24);
  await stop(id);
  expect(await ensure(12)).toEqual({ id });
  expect(await view(id)).toMatchObject({ wanted: "running", devices: 12, seed: 7 });
  await stop(id);
});
