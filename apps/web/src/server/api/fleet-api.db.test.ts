import { evaluateRollouts } from "@flotilla/fleet";
import type { DeviceRow, DeviceSummary, FailureGroup, FleetPreview, FleetView, LatencyAnswer, Page, RolloutEventView, RolloutPreview, RolloutView } from "@flotilla/fleet";
import type { OverviewView } from "../../features/overview/types.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addBuild, addDevices, failDeployments } from "../testing/fleet-rows.ts";
import { startTestWeb, type TestWeb } from "../testing/test-web.ts";

let web: TestWeb;
beforeAll(async () => {
  web = await startTestWeb();
});
afterAll(() => web.stop());

type Problem = { code: string; detail: string; faults?: { path: string; message: string }[] };

async function get<T>(path: string): Promise<T> {
  const answer = await web.as("viewer")("GET", path);
  expect(answer.status, `${path}: ${await answer.clone().text()}`).toBe(200);
  return (await answer.json()) as T;
}

async function send<T>(method: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<{ status: number; body: T & Problem }> {
  const answer = await web.as("operator")(method, path, body, headers);
  return { status: answer.status, body: (await answer.json()) as T & Problem };
}

const fleetNamed = async (name: string, query: string): Promise<FleetView> => (await send<FleetView>("POST", "/fleets", { name, query })).body;

/** A started rollout whose members are planned and whose first wave is offered. */
async function startedRollout(name: string, devices: number, waves = [{ percent: 50, soakSeconds: 60, maxFailurePercent: 5 }, { percent: 100 }]): Promise<RolloutView> {
  await addDevices(web.db, devices, { prefix: name, className: "pi4", labels: { group: name } });
  const buildId = await addBuild(web.db, `build of ${name}`);
  const fleet = await fleetNamed(`fleet of ${name}`, `group=${name}`);
  const { body: draft } = await send<RolloutView>("POST", "/rollouts", { buildId, fleetId: fleet.id, waves });
  await send("POST", `/rollouts/${draft.id}/start`, {});
  for (let round = 0; round < 5; round += 1) await evaluateRollouts(web.db, new Date());
  return get<RolloutView>(`/rollouts/${draft.id}`);
}

describe("devices", () => {
  test("pages hold every device once, newest first, and filters narrow on the server", async () => {
    await addDevices(web.db, 7, { prefix: "cam", className: "pi5", labels: { site: "hall" } });
    await addDevices(web.db, 2, { prefix: "old", className: "pi5", labels: { site: "cellar" }, silent: true });
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: Page<DeviceRow> = await get(`/devices?limit=3&query=class%3Dpi5${cursor === "" ? "" : `&cursor=${cursor}`}`);
      expect(page.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.items.map((device) => device.name));
      cursor = page.nextCursor;
    }
    expect(seen).toHaveLength(9);
    expect(new Set(seen).size).toBe(9);
    const names = async (filter: string) => (await get<Page<DeviceRow>>(`/devices?${filter}`)).items.map((device) => device.name).toSorted();
    expect(await names("search=CAM-00&query=class%3Dpi5")).toHaveLength(7);
    expect(await names("presence=silent&class=pi5")).toEqual(["old-000", "old-001"]);
    expect(await names("query=site%20notin%20(hall),class%3Dpi5")).toEqual(["old-000", "old-001"]);
    expect(await names("drift=true&class=pi5")).toEqual([]);
    const summary = await get<DeviceSummary>("/devices/summary?query=class%3Dpi5");
    expect(summary).toMatchObject({ total: 9, byPresence: { reporting: 7, silent: 2 } });
  });

  test("a query that cannot be read is refused with the place of the fault, in the list, the counts and the preview", async () => {
    for (const path of ["/devices?query=", "/devices/summary?query=", "/fleets/preview?query="]) {
      const answer = await web.as("viewer")("GET", `${path}${encodeURIComponent("class=pi4,,x")}`);
      const problem = (await answer.json()) as Problem;
      expect(answer.status).toBe(400);
      expect(problem.code).toBe("selector_invalid");
      expect(problem.detail).toMatch(/\d/);
    }
  });

  test("labels and the pin are set by one call, and the answer is the device as the server sees it", async () => {
    const [device] = await addDevices(web.db, 1, { prefix: "labelled", className: "pi4" });
    const { status, body } = await send<{ labels: Record<string, string>; pinned: boolean }>("PATCH", `/devices/${device?.id}`, { labels: { site: "roof" }, pinned: true });
    expect(status).toBe(200);
    expect(body).toMatchObject({ labels: { site: "roof", class: "pi4" }, pinned: true });
    const empty = await send("PATCH", `/devices/${device?.id}`, {});
    expect(empty).toMatchObject({ status: 400, body: { code: "bad_request" } });
  });
});

describe("fleets", () => {
  test("a preview counts by class and shows devices by name before anything is saved", async () => {
    await addDevices(web.db, 4, { prefix: "prev-a", className: "pi4", labels: { room: "r1" } });
    await addDevices(web.db, 2, { prefix: "prev-b", className: "x64", labels: { room: "r1" } });
    const preview = await get<FleetPreview>("/fleets/preview?query=room%3Dr1");
    expect(preview.devices).toBe(6);
    expect(preview.byClass).toEqual(expect.arrayContaining([{ className: "pi4", devices: 4 }, { className: "x64", devices: 2 }]));
    expect(preview.sample.length).toBeGreaterThan(0);
  });

  test("a fleet that an open rollout uses is not deleted; a taken name is told", async () => {
    const rollout = await startedRollout("keeps", 2);
    expect(await send("DELETE", `/fleets/${rollout.fleet.id}`, undefined)).toMatchObject({ status: 409 });
    expect(await send("POST", "/fleets", { name: "fleet of keeps", query: "" })).toMatchObject({ status: 409, body: { code: "name_taken" } });
  });
});

describe("rollouts", () => {
  test("the preview gives exact counts with the reason of each exclusion, and starting offers that many", async () => {
    await addDevices(web.db, 10, { prefix: "pv-a", className: "pi4", labels: { lab: "pv" } });
    await addDevices(web.db, 3, { prefix: "pv-b", className: "x64", labels: { lab: "pv" } });
    const buildId = await addBuild(web.db, "only pi4", ["pi4"]);
    const fleet = await fleetNamed("preview lab", "lab=pv");
    const plan = { buildId, fleetId: fleet.id, waves: [{ percent: 30 }, { percent: 100 }] };
    const { body: preview } = await send<RolloutPreview>("POST", "/rollouts/preview", plan);
    expect(preview.eligible).toBe(10);
    expect(preview.excluded).toMatchObject([{ reason: "no_variant", devices: 3 }]);
    expect(preview.waves.reduce((sum, wave) => sum + wave.devices, 0)).toBe(10);
    const { body: draft } = await send<RolloutView>("POST", "/rollouts", plan);
    await send("POST", `/rollouts/${draft.id}/start`, {});
    for (let round = 0; round < 5; round += 1) await evaluateRollouts(web.db, new Date());
    const running = await get<RolloutView>(`/rollouts/${draft.id}`);
    expect(running.counts.total - running.counts.skipped).toBe(10);
    expect(running.waves[0]?.counts.offered).toBe(preview.waves[0]?.devices);
  });

  test("waves that make no sense are refused naming the row and the field", async () => {
    const answer = await send("POST", "/rollouts/preview", { buildId: "b", fleetId: "f", waves: [{ percent: 50 }, { percent: 150, soakSeconds: -1 }] });
    expect(answer.status).toBe(400);
    expect(answer.body.faults?.map((fault) => fault.path)).toEqual(["waves.1.percent", "waves.1.soakSeconds"]);
    expect(answer.body.detail).toContain("waves.1.percent: a share is at most 100 %");
  });

  test("a double click with one Idempotency-Key pauses once: one event, one audit line, the same answer", async () => {
    const rollout = await startedRollout("double", 4);
    const key = { "idempotency-key": "double-click-1" };
    const [first, second] = await Promise.all([send<RolloutView>("POST", `/rollouts/${rollout.id}/pause`, {}, key), send<RolloutView>("POST", `/rollouts/${rollout.id}/pause`, {}, key)]);
    // The second either waits for the first and repeats its answer, or is told that the first is under way.
    const answers = [first, second].map((answer) => answer.status).toSorted((a, b) => a - b);
    expect(answers[0]).toBe(200);
    expect([200, 409]).toContain(answers[1]);
    const repeated = await send<RolloutView>("POST", `/rollouts/${rollout.id}/pause`, {}, key);
    expect(repeated).toMatchObject({ status: 200, body: { state: "paused" } });
    const events = await get<Page<RolloutEventView>>(`/rollouts/${rollout.id}/events`);
    expect(events.items.filter((event) => event.kind === "pause")).toHaveLength(1);
    const audit = await get<Page<{ action: string }>>(`/audit?objectId=${rollout.id}&limit=100`);
    expect(audit.items.filter((entry) => entry.action === "rollout.pause")).toHaveLength(1);
  });

  test("of two operators who act on what they saw, the later one is told, and a pressed button has its reason", async () => {
    const rollout = await startedRollout("two", 4);
    const { version } = rollout;
    expect((await send("POST", `/rollouts/${rollout.id}/pause`, { expectedVersion: version })).status).toBe(200);
    expect(await send("POST", `/rollouts/${rollout.id}/cancel`, { expectedVersion: version })).toMatchObject({ status: 409, body: { code: "version_mismatch" } });
    // Stopping what is stopped is harmless; starting it again is not possible.
    expect(await send("POST", `/rollouts/${rollout.id}/pause`, {})).toMatchObject({ status: 200, body: { state: "paused" } });
    expect(await send("POST", `/rollouts/${rollout.id}/start`, {})).toMatchObject({ status: 409, body: { code: "illegal_transition" } });
    const paused = await get<RolloutView>(`/rollouts/${rollout.id}`);
    const pause = paused.actions.find((entry) => entry.action === "pause");
    expect(pause).toMatchObject({ allowed: false });
    expect(pause?.reason).not.toBe("");
    for (const entry of paused.actions) expect(entry.allowed || (entry.reason ?? "") !== "", entry.action).toBe(true);
  });

  test("a rollout that fails halts with its numbers, groups its failures, and leads what needs attention", async () => {
    const rollout = await startedRollout("bad", 12);
    await failDeployments(web.db, rollout.id, 6, { code: "load_failed", detail: "no kernel for QLinearConv" });
    await evaluateRollouts(web.db, new Date());
    const halted = await get<RolloutView>(`/rollouts/${rollout.id}`);
    expect(halted.state).toBe("halted");
    expect(halted.cause).toMatchObject({ code: "failure_rate", value: 100, limit: 5 });
    expect(halted.counts.queued).toBe(6);
    const failures = await get<{ items: FailureGroup[] }>(`/rollouts/${rollout.id}/failures`);
    expect(failures.items).toMatchObject([{ code: "load_failed", className: "pi4", devices: 6 }]);
    const failed = await get<Page<{ state: string }>>(`/rollouts/${rollout.id}/deployments?state=failed`);
    expect(failed.items).toHaveLength(6);
    const overview = await get<OverviewView>("/overview");
    expect(overview.attention[0]).toMatchObject({ kind: "rollout_halted", href: `/rollouts/${rollout.id}` });
    expect(overview.rollouts.map((open) => open.id)).toContain(rollout.id);
    const resumed = await send("POST", `/rollouts/${rollout.id}/resume`, {});
    expect(resumed).toMatchObject({ status: 400, body: { code: "bad_request" } });
    expect(resumed.body.detail).toMatch(/reason/);
  });

  test("a viewer sees everything of a rollout and moves nothing", async () => {
    const rollout = await startedRollout("watched", 2);
    for (const action of ["start", "pause", "resume", "cancel", "rollback", "approve"]) {
      const answer = await web.as("viewer")("POST", `/rollouts/${rollout.id}/${action}`, { reason: "no" });
      expect(answer.status, action).toBe(403);
    }
    expect((await get<RolloutView>(`/rollouts/${rollout.id}`)).state).toBe("running");
  });
});

describe("latency", () => {
  test("without samples it says which nothing it is instead of zeros", async () => {
    const answer = await get<LatencyAnswer>("/latency?groupBy=class");
    expect(answer.series).toEqual([]);
    expect(answer.emptyReason).toBe("no_reporting_device");
  });

  test("times are taken as ISO text and as milliseconds, and mean the same", async () => {
    const to = Date.parse("2026-11-24T03:00:00Z");
    const iso = await get<LatencyAnswer>(`/latency?from=2026-11-24T02:00:00Z&to=2026-11-24T03:00:00Z&step=60`);
    const ms = await get<LatencyAnswer>(`/latency?from=${to - 3_600_000}&to=${to}&step=60`);
    expect([ms.from, ms.to, ms.stepSeconds]).toEqual([iso.from, iso.to, iso.stepSeconds]);
  });

  test.each([
    ["from=yesterday", /from: an ISO time/],
    ["step=5", /step: steps are at least 60 seconds/],
    ["groupBy=colour", /groupBy/],
    ["from=2026-11-24T03:00:00Z&to=2026-11-24T02:00:00Z", /from: must lie before to/],
    ["from=2026-01-01T00:00:00Z&to=2026-11-24T02:00:00Z&step=60", /step: gives more than 2000 points/],
  ])("%s is refused in words", async (query, words) => {
    const answer = await web.as("viewer")("GET", `/latency?${query}`);
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as Problem).detail).toMatch(words);
  });
});

describe("builds", () => {
  test("a build without versions, and one of versions that do not exist, are refused in words", async () => {
    const none = await send("POST", "/builds", { name: "x", variants: [] });
    expect(none).toMatchObject({ status: 400, body: { code: "bad_request" } });
    expect(none.body.detail).toContain("a build has at least one model version");
    expect(await send("POST", "/builds", { name: "x", variants: [{ versionId: "ver_nothing" }] })).toMatchObject({ status: 404 });
  });

  test("a build shows the rollouts that used it", async () => {
    const rollout = await startedRollout("used", 2);
    const build = await get<{ rollouts: { id: string }[]; runningDevices: number }>(`/builds/${rollout.build.id}`);
    expect(build.rollouts.map((entry) => entry.id)).toEqual([rollout.id]);
  });
});
