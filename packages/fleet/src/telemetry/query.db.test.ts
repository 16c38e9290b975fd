import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDb, withSql, withTx, type TestDb } from "@flotilla/db";
import { HISTOGRAM_ALPHA, LatencyHistogram, type SyncRequest, type TelemetryWindow } from "@flotilla/protocol";
import { systemPrincipal } from "../principal.ts";
import { applySyncs } from "./apply-syncs-store.ts";
import { queryLatency } from "./query-store.ts";
import { rollUp } from "./roll-up-run-store.ts";
import type { LatencyQuery } from "./types.ts";
import { HOUR_MS, MINUTE_MS } from "./window-time.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
  const { prisma } = suite.db;
  await prisma.model.create({ data: { id: "mdl_1", name: "reader", createdById: "usr_1", versions: { create: [1, 2].map((number) => ({ id: `ver_${number}`, number, sizeBytes: 1, createdById: "usr_1" })) } } });
  for (const n of [1, 2]) await prisma.build.create({ data: { id: `bld_${n}`, name: `build ${n}`, settings: {}, createdById: "usr_1", variants: { create: { position: 0, versionId: `ver_${n}` } } } });
  await prisma.fleet.create({ data: { id: "flt_lab", name: "lab", query: "site=lab", createdById: "usr_1" } });
  for (const [id, site] of [["dev_a", "lab"], ["dev_b", "lab"], ["dev_c", "home"]] as const) {
    await prisma.device.create({ data: { id, name: `name of ${id}`, publicKey: "k", labels: { site }, className: "pi4", class: {} } });
  }
});
afterAll(() => suite.drop());
beforeEach(() => withSql(suite.db, async (sql) => {
  for (const table of ["latency_minute", "latency_hour", "latency_day", "device_latency", "latency_late_hour", "version_counter", "telemetry_watermark", "device_live", "rollout"]) await sql.query(`delete from ${table}`);
}));

const now = (): Date => new Date();
const seqs = new Map<string, number>();

function windowOf(deviceId: string, latencies: readonly number[], more: Partial<TelemetryWindow> = {}): TelemetryWindow {
  const h = new LatencyHistogram();
  for (const ms of latencies) h.add(ms);
  const seq = (seqs.get(deviceId) ?? 0) + 1;
  seqs.set(deviceId, seq);
  return { seq, buildId: "bld_1", versionId: "ver_1", mode: "field", wallMs: 0, ageMs: 30_000, count: h.count, errors: 0, sumMs: h.sumMs, minMs: h.count ? h.minMs : null, maxMs: h.count ? h.maxMs : null, buckets: h.toSparse(), ...more };
}

async function report(deviceId: string, windows: readonly TelemetryWindow[], options: { fleetIds?: string[]; className?: string; keepsMinutes?: boolean; runs?: boolean; at?: Date } = {}): Promise<void> {
  const request: SyncRequest = {
    protocol: 1, bootId: "boot-1234",
    report: {
      agentVersion: "0.1.0", targetVersion: 0, slots: [],
      running: options.runs === false ? null : { buildId: "bld_1", manifestSha256: "a".repeat(64), versionId: "ver_1", modelSha256: "b".repeat(64), runningForMs: 1 },
      class: { name: "pi4", arch: "arm64", isa: [], runtime: { name: "ort", version: "1" }, executionProvider: "cpu", memoryBytes: 1, simulated: true },
      resources: { rssBytes: 1, freeMemoryBytes: 1, freeDiskBytes: 1, queuedWindows: 0, temperatureC: null },
    },
    ...(windows.length > 0 ? { telemetry: { epoch: "0123456789abcdef", first: windows[0]?.seq ?? 1, last: windows.at(-1)?.seq ?? 1, windows: [...windows] } } : {}),
  };
  const { fleetIds = ["flt_lab"], className = "pi4", keepsMinutes = false, at = now() } = options;
  await withSql(suite.db, async (sql) => {
    // The ledger itself is tested elsewhere: here every batch is the next one.
    if (windows[0]) await sql.query("insert into telemetry_watermark (device_id, epoch, seq) values ($1, '0123456789abcdef', $2) on conflict (device_id, epoch) do update set seq = excluded.seq", [deviceId, windows[0].seq - 1]);
    await applySyncs(sql, [{ deviceId, receivedAt: at, request, className, fleetIds, keepsMinutes }]);
  });
}

const ask = (query: Partial<LatencyQuery> = {}) =>
  withTx(suite.db, (tx) => queryLatency(tx, systemPrincipal("test"), { from: new Date(Date.now() - HOUR_MS), to: new Date(Date.now() + MINUTE_MS), stepSeconds: null, groupBy: "none", ...query }));

describe("percentiles", () => {
  test("are within 2 % of the exact ones of all samples together, however they are spread over devices and minutes", async () => {
    const latency = fc.double({ min: 0.02, max: 50_000, noNaN: true });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(latency, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 6 }), async (windows) => {
        await withSql(suite.db, (sql) => sql.query("delete from latency_minute"));
        for (const [i, samples] of windows.entries()) await report(`dev_${i}`, [windowOf(`dev_${i}`, samples, { ageMs: i * 7 * MINUTE_MS })]);
        const { series } = await ask();
        const sorted = windows.flat().toSorted((a, b) => a - b);
        expect(series).toHaveLength(1);
        const total = series[0]?.total;
        expect(total?.count).toBe(sorted.length);
        for (const [q, read] of [[0.5, total?.p50], [0.9, total?.p90], [0.95, total?.p95], [0.99, total?.p99]] as const) {
          const exact = sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN;
          expect(Math.abs((read ?? Number.NaN) - exact) / exact).toBeLessThanOrEqual(HISTOGRAM_ALPHA + 1e-9);
        }
        expect(total?.max).toBe(sorted.at(-1));
        expect(total?.mean).toBeCloseTo(sorted.reduce((a, b) => a + b, 0) / sorted.length, 6);
      }),
      { numRuns: 25 },
    );
  });

  test("of minutes and of hours and days rolled up from them are the same", async () => {
    const samples = Array.from({ length: 500 }, (_, i) => 1 + ((i * 7919) % 1000) / 3);
    for (let hour = 0; hour < 5; hour += 1) await report("dev_a", [windowOf("dev_a", samples.slice(hour * 100, hour * 100 + 100), { ageMs: hour * HOUR_MS })]);
    const range = { from: new Date(Date.now() - 8 * HOUR_MS), to: new Date(Date.now() + MINUTE_MS), stepSeconds: 3600 };
    const before = await ask(range);
    await withSql(suite.db, (sql) => rollUp(sql, now()));
    const after = await ask(range);
    expect(after.series).toEqual(before.series);
    expect(after.series[0]?.total.count).toBe(500);
    const minutes = await ask({ ...range, stepSeconds: 300 });
    expect(minutes.series[0]?.total).toEqual({ ...after.series[0]?.total, t: minutes.series[0]?.total.t });
  });
});

describe("series", () => {
  test("modes are never merged: each is a series and a heatmap of its own", async () => {
    await report("dev_a", [windowOf("dev_a", [1, 2]), windowOf("dev_a", [100], { mode: "simulated" })]);
    const answer = await ask();
    expect(answer.series.map(({ mode, total }) => [mode, total.count])).toEqual([["field", 2], ["simulated", 1]]);
    expect(answer.heatmap.map(({ mode, points }) => [mode, points.flatMap((p) => p.buckets.filter((_, i) => i % 2 === 1)).reduce((a, b) => a + b, 0)])).toEqual([["field", 2], ["simulated", 1]]);
    expect((await ask({ mode: "simulated" })).series.map(({ mode }) => mode)).toEqual(["simulated"]);
  });

  test("split by build, class, version, fleet and device, with names, and narrowed by each", async () => {
    await report("dev_a", [windowOf("dev_a", [1]), windowOf("dev_a", [2, 2], { buildId: "bld_2", versionId: "ver_2" })]);
    await report("dev_b", [windowOf("dev_b", [3, 3, 3])], { className: "x86" });
    await report("dev_c", [windowOf("dev_c", [4, 4, 4, 4])], { fleetIds: [] });
    const split = async (query: Partial<LatencyQuery>) => (await ask(query)).series.map(({ key, label, total }) => `${key} ${label} ${total.count}`);
    expect(await split({ groupBy: "build" })).toEqual(["build:bld_1 build 1 8", "build:bld_2 build 2 2"]);
    expect(await split({ groupBy: "version" })).toEqual(["version:ver_1 reader v1 8", "version:ver_2 reader v2 2"]);
    expect(await split({ groupBy: "class" })).toEqual(["class:pi4 pi4 7", "class:x86 x86 3"]);
    expect(await split({ groupBy: "fleet" })).toEqual(["fleet:flt_lab lab 6"]);
    expect(await split({ groupBy: "device" })).toEqual(["device:dev_c name of dev_c 4", "device:dev_a name of dev_a 3", "device:dev_b name of dev_b 3"]);
    expect(await split({ fleetId: "flt_lab" })).toEqual(["all all 6"]);
    expect(await split({ fleetId: "flt_lab", groupBy: "device" })).toEqual(["device:dev_a name of dev_a 3", "device:dev_b name of dev_b 3"]);
    expect(await split({ deviceId: "dev_c" })).toEqual(["all all 4"]);
    expect(await split({ buildId: "bld_2" })).toEqual(["all all 2"]);
    expect(await split({ className: "x86" })).toEqual(["all all 3"]);
    expect(await split({ modelId: "mdl_1", groupBy: "version" })).toEqual(["version:ver_1 reader v1 8", "version:ver_2 reader v2 2"]);
    expect(await split({ modelId: "mdl_none" })).toEqual([]);
    // Fleets overlap; a heatmap over them counts every sample once.
    const heat = (await ask({ groupBy: "fleet" })).heatmap[0]?.points.flatMap((p) => p.buckets.filter((_, i) => i % 2 === 1)).reduce((a, b) => a + b, 0);
    expect(heat).toBe(10);
  });

  test("of single devices are of the busiest twenty of the fleet, whether few or all devices are looked at for it", async () => {
    const devices = Array.from({ length: 60 }, (_, i) => ({ id: `dev_busy_${String(i).padStart(2, "0")}`, samples: 1 + ((i * 7) % 40), site: i % 2 === 0 ? "lab" : "home" }));
    await suite.db.prisma.device.createMany({ data: devices.map(({ id, site }) => ({ id, name: id, publicKey: "k", labels: { site }, className: "pi4", class: {} })) });
    for (const { id, samples } of devices) await report(id, [windowOf(id, Array.from({ length: samples }, () => 5))]);
    const expected = (among: typeof devices) => among.toSorted((x, y) => y.samples - x.samples || (x.id < y.id ? -1 : 1)).slice(0, 20).map(({ id }) => `device:${id}`).toSorted();
    const shown = async (query: Partial<LatencyQuery>) => (await ask({ groupBy: "device", ...query })).series.map(({ key }) => key).toSorted();
    const lab = devices.filter(({ site }) => site === "lab");
    expect([await shown({}), await shown({ fleetId: "flt_lab" })]).toEqual([expected(devices), expected(lab)]);
    // As a worker counts large fleets: now these are broad, and only those with most samples are looked at.
    for (const [query, total] of [["", 60], ["site=lab", 30]] as const) {
      const value = { total, drift: 0, byPresence: { reporting: total, late: 0, silent: 0, never: 0 }, byClass: [{ className: "pi4", devices: total, simulated: false }], byBuild: [] };
      await suite.db.prisma.keptCount.create({ data: { key: `devices:${query}`, value, countedAt: now(), tookMs: 1 } });
    }
    expect([await shown({}), await shown({ fleetId: "flt_lab" }), await shown({ className: "pi4" })]).toEqual([expected(devices), expected(lab), expected(devices)]);
    // These are kept: somebody who becomes busier shows when they are a minute old, and nothing else is asked for by the same key.
    await report("dev_busy_00", [windowOf("dev_busy_00", Array.from({ length: 90 }, () => 5))]);
    expect([await shown({}), await shown({ fleetId: "flt_lab" })]).toEqual([expected(devices), expected(lab)]);
    await suite.db.prisma.keptCount.updateMany({ where: { key: { startsWith: "busiest:" } }, data: { countedAt: new Date(Date.now() - 61_000) } });
    const later = devices.map((device) => (device.id === "dev_busy_00" ? { ...device, samples: device.samples + 90 } : device));
    expect([await shown({}), await shown({ fleetId: "flt_lab" })]).toEqual([expected(later), expected(later.filter(({ site }) => site === "lab"))]);
    await suite.db.prisma.keptCount.deleteMany();
    await suite.db.prisma.device.deleteMany({ where: { id: { startsWith: "dev_busy_" } } });
  });

  test("a step without samples is a point with null percentiles and count 0, not a percentile of 0", async () => {
    await report("dev_a", [windowOf("dev_a", [5], { ageMs: 10 * MINUTE_MS })]);
    const points = (await ask({ stepSeconds: 60 })).series[0]?.points ?? [];
    expect(points.filter((p) => p.count === 1)).toHaveLength(1);
    expect(points.filter((p) => p.count === 0).every((p) => p.p50 === null && p.max === null && p.mean === null)).toBe(true);
    expect(points.length).toBeGreaterThanOrEqual(60);
  });

  test("a pinned device answers by the minute, another one by the hour", async () => {
    await report("dev_a", [windowOf("dev_a", [1])], { keepsMinutes: true });
    await report("dev_b", [windowOf("dev_b", [1])]);
    expect((await ask({ deviceId: "dev_a" })).stepSeconds).toBe(60);
    expect((await ask({ deviceId: "dev_b" })).stepSeconds).toBe(3600);
    expect((await ask({ deviceId: "dev_b" })).series[0]?.total.count).toBe(1);
  });
});

describe("what an empty chart says", () => {
  test("no samples, or nobody who could have sent any; and when the last sample came", async () => {
    expect(await ask()).toMatchObject({ series: [], emptyReason: "no_reporting_device", lastSampleAt: null });
    await report("dev_a", [], { runs: false });
    expect((await ask()).emptyReason).toBe("no_reporting_device");
    await report("dev_a", []);
    expect((await ask()).emptyReason).toBe("no_samples");
    expect((await ask({ fleetId: "flt_lab" })).emptyReason).toBe("no_samples");
    expect((await ask({ deviceId: "dev_c" })).emptyReason).toBe("no_reporting_device");
    await report("dev_a", [windowOf("dev_a", [1], { ageMs: 5 * HOUR_MS })]);
    const answer = await ask();
    expect(answer.emptyReason).toBe("no_samples");
    expect(Date.parse(answer.lastSampleAt ?? "")).toBeLessThan(Date.now() - 4 * HOUR_MS);
  });

  test("what happened to rollouts in the range is marked, of this fleet only when one is asked for", async () => {
    await suite.db.prisma.rollout.create({
      data: { id: "rol_1", name: "r", buildId: "bld_1", fleetId: "flt_lab", query: "", salt: "s", policy: {}, createdById: "usr_1", events: { create: [{ actorKind: "system", actorName: "x", kind: "halt", sentence: "Halted." }] } },
    });
    expect((await ask()).markers).toMatchObject([{ kind: "halt", label: "Halted.", rolloutId: "rol_1" }]);
    expect((await ask({ fleetId: "flt_lab" })).markers).toHaveLength(1);
    expect((await ask({ buildId: "bld_2" })).markers).toHaveLength(0);
    await expect(ask({ fleetId: "flt_none" })).rejects.toMatchObject({ code: "not_found" });
  });
});
