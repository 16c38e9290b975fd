import { afterAll, beforeAll, expect, test } from "vitest";
import { fleetOf24 } from "./fleet-of-24.ts";
import { Operator } from "./operator.ts";
import { startPlatform, startSimulator, until, type Platform, type Simulator } from "./platform.ts";
import { realModel } from "./real-model.ts";

let platform: Platform;
let simulator: Simulator;
let operator: Operator;

beforeAll(async () => {
  platform = await startPlatform();
  operator = new Operator(platform);
  const { token } = await operator.call<{ token: string }>("POST", "/enrollment-tokens", { maxUses: 24, expiresInSeconds: 3600, fleetLabels: { site: "lab" } });
  simulator = startSimulator(platform, token, fleetOf24);
});

afterAll(async () => {
  await simulator?.stop();
  await platform?.stop();
});

test("a real model goes from upload to 24 devices in 3 waves, reports latency, and comes back on roll back", async () => {
  const model = realModel();
  const version = await operator.importModel(model.name, model.filename, model.bytes);
  expect(version.state, version.rejectReason ?? "").toBe("ready");
  expect(version.inspection?.nodeCount).toBeGreaterThan(0);
  const build = await operator.build("whole-path 1", version.id);

  await until("24 devices report", async () => (await operator.devices()).filter((d) => d.presence === "reporting").length === 24);
  const fleet = await operator.call<{ id: string }>("POST", "/fleets", { name: "lab", query: "site=lab" });
  const preview = await operator.call<{ eligible: number; waves: { devices: number }[] }>("POST", "/rollouts/preview", { buildId: build, fleetId: fleet.id, waves: [{ percent: 25 }, { percent: 50 }, { percent: 100 }] });
  expect(preview.eligible).toBe(24);

  const rolloutId = await operator.startRollout(build, fleet.id, [
    { percent: 25, soakSeconds: 1 },
    { percent: 50, soakSeconds: 1 },
    { percent: 100, soakSeconds: 1 },
  ]);
  const done = await operator.rolloutReaches(rolloutId, "completed");
  expect(done.counts).toMatchObject({ total: 24, succeeded: 24, failed: 0 });
  expect(done.waves.map((w) => w.state)).toEqual(["passed", "passed", "passed"]);
  for (const device of await operator.devices()) expect(device.actualBuild?.id, device.name).toBe(build);

  const latency = await until("latency of all classes has arrived", async () => {
    const from = new Date(Date.now() - 3600_000).toISOString();
    const answer = await operator.call<{ series: { label: string; mode: string; total: { count: number; p50: number; p95: number; p99: number } }[] }>(
      "GET", `/latency?build=${build}&groupBy=class&from=${from}&to=${new Date(Date.now() + 60_000).toISOString()}`);
    return answer.series.length >= 4 ? answer.series : null;
  });
  for (const series of latency) {
    expect(series.mode).toBe("simulated");
    expect(series.total.count).toBeGreaterThan(0);
    expect(series.total.p50).toBeLessThanOrEqual(series.total.p95);
    expect(series.total.p95).toBeLessThanOrEqual(series.total.p99);
  }

  await operator.call("POST", `/rollouts/${rolloutId}/rollback`, { reason: "the test wants them back" });
  const back = await operator.rolloutReaches(rolloutId, "rolled_back");
  expect(back.rollbackCounts?.total).toBe(24);
  for (const device of await operator.devices()) expect(device.actualBuild, device.name).toBeNull();

  const audit = await operator.all<{ action: string }>("/audit?");
  const actions = new Set(audit.map((a) => a.action.split(".")[0]));
  for (const area of ["model", "build", "fleet", "rollout"]) expect(actions, `audit of ${area}`).toContain(area);
});
