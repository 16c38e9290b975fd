import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDb, withSql, type TestDb } from "@flotilla/db";
import { LatencyHistogram, type SyncRequest, type TelemetryBatch, type TelemetryWindow } from "@flotilla/protocol";
import { applySyncs } from "./apply-syncs-store.ts";
import { IngestMemory } from "./ingest-memory.ts";
import { pruneTelemetry, rollUp } from "./roll-up-run-store.ts";
import type { SyncItem } from "./sync-types.ts";
import { HOUR_MS, MINUTE_MS } from "./window-time.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
  await suite.db.prisma.build.create({ data: { id: "bld_1", name: "one", settings: {}, createdById: "usr_1", variants: { create: { position: 0, versionId: "ver_1" } } } });
});
afterAll(() => suite.drop());

const now = new Date("2026-11-24T12:00:30Z");
let counter = 0;
const freshId = (): string => `dev_${(counter += 1)}_${Math.random().toString(36).slice(2)}`;
const epoch = "0123456789abcdef";

function windowOf(seq: number, latencies: readonly number[], more: Partial<TelemetryWindow> = {}): TelemetryWindow {
  const h = new LatencyHistogram();
  for (const ms of latencies) h.add(ms);
  return { seq, buildId: "bld_1", versionId: "ver_1", mode: "field", wallMs: 0, ageMs: 30_000, count: h.count, errors: 0, sumMs: h.sumMs, minMs: h.count ? h.minMs : null, maxMs: h.count ? h.maxMs : null, buckets: h.toSparse(), ...more };
}

function itemOf(deviceId: string, telemetry: TelemetryBatch | undefined, more: Partial<SyncItem> = {}): SyncItem {
  const request: SyncRequest = {
    protocol: 1, bootId: "boot-1234",
    report: {
      agentVersion: "0.1.0", targetVersion: 0, running: null, slots: [],
      class: { name: "pi4", arch: "arm64", isa: [], runtime: { name: "onnxruntime", version: "1" }, executionProvider: "cpu", memoryBytes: 1, simulated: true },
      resources: { rssBytes: 1, freeMemoryBytes: 1, freeDiskBytes: 1, queuedWindows: 0, temperatureC: null },
    },
    ...(telemetry ? { telemetry } : {}),
  };
  return { deviceId, receivedAt: now, request, className: "pi4", fleetIds: [], keepsMinutes: false, ...more };
}

const batch = (windows: readonly TelemetryWindow[], more: Partial<TelemetryBatch> = {}): TelemetryBatch => ({
  epoch, first: windows[0]?.seq ?? 1, last: windows.at(-1)?.seq ?? 1, windows: [...windows], ...more,
});
const apply = (items: readonly SyncItem[]) => withSql(suite.db, (sql) => applySyncs(sql, items));
const query = <R>(text: string, values: unknown[] = []) => withSql(suite.db, (sql) => sql.query<R>(text, values));
const numberOf = async (text: string, values: unknown[] = []) => Number((await query<{ n: bigint | null }>(text, values))[0]?.n ?? 0);
/** Samples of a fleet in a table, by the histograms themselves and by the count column. */
async function samplesOf(table: string, fleetId: string): Promise<{ count: number; inBuckets: number; late: number; rows: number }> {
  const rows = await query<{ count: bigint; buckets: Uint8Array; late_windows: number }>(`select count, buckets, late_windows from ${table} where fleet_id = $1`, [fleetId]);
  const all = new LatencyHistogram();
  for (const row of rows) all.addEncoded(row.buckets, { sumMs: 0, minMs: null, maxMs: null });
  return { count: rows.reduce((sum, row) => sum + Number(row.count), 0), inBuckets: all.count, late: rows.reduce((sum, row) => sum + row.late_windows, 0), rows: rows.length };
}

describe("ledger in the database", () => {
  test("under duplicates, reorderings and lost answers: produced = stored + dropped, and every sample counts once", async () => {
    const step = fc.record({ newWindows: fc.integer({ min: 0, max: 4 }), drops: fc.boolean(), answer: fc.constantFrom("arrives", "lost", "old batch again") });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const device = freshId();
        const fleetId = freshId();
        let produced = 0;
        let acked = 0;
        let declared = 0;
        let samples = 0;
        const queue = new Map<number, TelemetryWindow | "dropped">();
        const sent: TelemetryBatch[] = [];
        const send = async (telemetry: TelemetryBatch): Promise<number> => (await apply([itemOf(device, telemetry, { fleetIds: [fleetId] })]))[0]?.ack?.seq ?? -1;
        const next = (): TelemetryBatch | null => {
          const numbers = [...queue.keys()].filter((n) => n > acked);
          if (numbers.length === 0) return null;
          const windows = numbers.flatMap((n) => { const w = queue.get(n); return w === undefined || w === "dropped" ? [] : [w]; });
          const dropped = numbers.filter((n) => queue.get(n) === "dropped").map((n): [number, number] => [n, n]);
          return { epoch, first: acked + 1, last: produced, windows, dropped };
        };
        for (const { newWindows, drops, answer } of steps) {
          for (let i = 0; i < newWindows; i += 1) {
            produced += 1;
            if (drops && i === 0) {
              queue.set(produced, "dropped");
              declared += 1;
            } else {
              queue.set(produced, windowOf(produced, [produced, produced + 1]));
              samples += 2;
            }
          }
          const telemetry = next();
          if (telemetry === null) continue;
          sent.push(telemetry);
          const ack = await send(telemetry);
          if (answer === "arrives") acked = ack;
          if (answer === "old batch again") await send(sent[0] ?? telemetry);
        }
        const last = next();
        if (last !== null) acked = await send(last);
        expect(acked).toBe(produced);
        const [mark] = await query<{ seq: bigint; stored_windows: bigint; dropped_windows: bigint }>("select seq, stored_windows, dropped_windows from telemetry_watermark where device_id = $1", [device]);
        if (produced > 0) expect({ seq: Number(mark?.seq), stored: Number(mark?.stored_windows), dropped: Number(mark?.dropped_windows) }).toEqual({ seq: produced, stored: produced - declared, dropped: declared });
        expect(await samplesOf("latency_minute", fleetId)).toMatchObject({ count: samples, inBuckets: samples });
        expect(await numberOf("select sum(count) as n from device_latency where device_id = $1 and step = 'hour'", [device])).toBe(samples);
      }),
      { numRuns: 25 },
    );
  });

  test("two requests of one device in one batch count in order, and a gap is answered with the place to go on from", async () => {
    const device = freshId();
    const first = batch([windowOf(1, [1]), windowOf(2, [2])]);
    const outcomes = await apply([itemOf(device, first), itemOf(device, first), itemOf(device, batch([windowOf(3, [3])])), itemOf(device, batch([windowOf(9, [3])]))]);
    expect(outcomes.map(({ ledger, ack }) => [ledger, ack?.seq])).toEqual([["stored", 2], ["duplicate", 2], ["stored", 3], ["gap", 3]]);
  });

  test("gateways that write the same devices and the same minutes at once lose and double nothing", async () => {
    const fleetId = freshId();
    const devices = Array.from({ length: 12 }, freshId);
    const rounds = Array.from({ length: 4 }, (_, writer) =>
      (async () => {
        for (let seq = 1; seq <= 6; seq += 1) {
          const order = writer % 2 === 0 ? devices : devices.toReversed();
          await apply(order.map((device) => itemOf(device, batch([windowOf(seq, [5, 10, 20])]), { fleetIds: [fleetId] })));
        }
      })(),
    );
    await Promise.all(rounds);
    expect(await samplesOf("latency_minute", fleetId)).toMatchObject({ count: 12 * 6 * 3, inBuckets: 12 * 6 * 3 });
    expect(await numberOf("select sum(stored_windows) as n from telemetry_watermark where device_id = any($1::text[])", [devices])).toBe(12 * 6);
  });
});

describe("gateways that remember what they wrote", () => {
  /** One gateway: remembers from batch to batch. `fails`: its transaction is rolled back at the very end; then it remembers nothing. */
  const gatewayOf = (memory: IngestMemory) => async (items: readonly SyncItem[], fails = false) => {
    try {
      const outcomes = await withSql(suite.db, async (sql) => {
        const done = await applySyncs(sql, items, memory);
        if (fails) throw new RangeError("rolled back on purpose");
        return done;
      });
      memory.keep();
      return outcomes;
    } catch (error) {
      memory.forget();
      if (!(error instanceof RangeError)) throw error;
      return null;
    }
  };

  test("whoever of them a device comes to, and whatever fails in between, its row holds every sample once", async () => {
    const step = fc.record({ gateway: fc.nat(1), fails: fc.boolean(), again: fc.boolean(), samples: fc.array(fc.double({ min: 0.1, max: 1_000, noNaN: true }), { maxLength: 4 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async (steps) => {
        const device = freshId();
        const gateways = [gatewayOf(new IngestMemory()), gatewayOf(new IngestMemory())];
        const whole = new LatencyHistogram();
        let seq = 0;
        for (const { gateway, fails, again, samples } of steps) {
          const item = itemOf(device, batch([windowOf(seq + 1, samples)]));
          const apply = gateways[gateway];
          const outcomes = await apply?.([item], fails);
          if (outcomes) {
            seq += 1;
            for (const ms of samples) whole.add(ms);
          }
          // The answer was lost: the other gateway hears the same.
          if (again && outcomes) expect((await gateways[1 - gateway]?.([item]))?.[0]?.ledger).toBe("duplicate");
        }
        const rows = await query<{ count: bigint; buckets: Uint8Array }>("select count, buckets from device_latency where device_id = $1 and step = 'hour'", [device]);
        const stored = new LatencyHistogram();
        for (const row of rows) stored.addEncoded(row.buckets, { sumMs: 0, minMs: null, maxMs: null });
        expect(stored.toSparse()).toEqual(whole.toSparse());
        expect(rows.reduce((sum, row) => sum + Number(row.count), 0)).toBe(whole.count);
        expect(await numberOf("select stored_windows as n from telemetry_watermark where device_id = $1", [device])).toBe(seq);
      }),
      { numRuns: 25 },
    );
  });

  test("a device that is as it was costs no read and two writes; one without news costs none at all", async () => {
    const memory = new IngestMemory();
    const gateway = gatewayOf(memory);
    const device = freshId();
    await gateway([itemOf(device, batch([windowOf(1, [1])]))]);
    await gateway([itemOf(device, batch([windowOf(2, [1])]))]);
    const statements: string[] = [];
    const counting = (items: readonly SyncItem[]) => withSql(suite.db, (sql) => applySyncs({ query: (text, values, options) => { statements.push(/(?:update|insert into|select) \S+/.exec(text)?.[0] ?? text); return sql.query(text, values, options); } }, items, memory));
    await counting([{ ...itemOf(device, batch([windowOf(3, [1])])), isLiveStored: true }]);
    expect(statements.filter((text) => !text.includes("r.fleet_id") && text !== "update latency_minute")).toEqual(["update telemetry_watermark", "update device_latency"]);
    statements.length = 0;
    await counting([{ ...itemOf(device, undefined), isLiveStored: true }]);
    expect(statements).toEqual([]);
  });
});

describe("what is stored of a batch", () => {
  test("modes, classes, fleets and model versions have rows of their own, and builds we did not make share one", async () => {
    const fleetId = freshId();
    const windows = [windowOf(1, [1]), windowOf(2, [2], { mode: "simulated" }), windowOf(3, [3], { buildId: "bld_x", versionId: "ver_x" }), windowOf(4, [4], { buildId: "bld_y" })];
    await apply([itemOf(freshId(), batch(windows), { fleetIds: [fleetId] }), itemOf(freshId(), batch([windowOf(1, [5])]), { fleetIds: [fleetId], className: "x86" })]);
    const rows = await query<{ build_id: string; class_name: string; mode: string; count: bigint }>("select build_id, class_name, mode, count from latency_minute where fleet_id = $1 order by build_id, class_name, mode", [fleetId]);
    expect(rows.map((row) => [row.build_id, row.class_name, row.mode, Number(row.count)])).toEqual([
      ["bld_1", "pi4", "field", 1],
      ["bld_1", "pi4", "simulated", 1],
      ["bld_1", "x86", "field", 1],
      ["unknown", "pi4", "field", 2],
    ]);
  });

  test("minutes of a single device are kept for pinned devices and canaries only", async () => {
    const [plain, pinned] = [freshId(), freshId()];
    const telemetry = batch([windowOf(1, [1], { ageMs: 70_000 }), windowOf(2, [2], { ageMs: 130_000 })]);
    await apply([itemOf(plain, telemetry), itemOf(pinned, telemetry, { keepsMinutes: true })]);
    const steps = await query<{ device_id: string; step: string; n: bigint }>("select device_id, step, count(*) as n from device_latency where device_id = any($1::text[]) group by 1, 2 order by 1, 2", [[plain, pinned]]);
    expect(new Set(steps.map((row) => `${row.device_id} ${row.step} ${row.n}`))).toEqual(new Set([`${plain} hour 1`, `${pinned} hour 1`, `${pinned} minute 2`]));
  });

  test("the newest report of a device wins, and the running time does not restart with the agent", async () => {
    const device = freshId();
    const running = (runningForMs: number) => ({ buildId: "bld_1", manifestSha256: "a".repeat(64), versionId: "ver_1", modelSha256: "b".repeat(64), runningForMs });
    const withRunning = (receivedAt: Date, forMs: number): SyncItem => {
      const item = itemOf(device, undefined, { receivedAt });
      return { ...item, request: { ...item.request, report: { ...item.request.report, running: running(forMs) } } };
    };
    await apply([withRunning(now, 60_000)]);
    await apply([withRunning(new Date(now.getTime() + 60_000), 1000)]);
    await apply([withRunning(new Date(now.getTime() - 60_000), 5)]);
    const [row] = await query<{ last_seen_at: Date; running_since: Date; running_sha256: string }>("select last_seen_at, running_since, running_sha256 from device_live where device_id = $1", [device]);
    expect(row).toEqual({ last_seen_at: new Date(now.getTime() + 60_000), running_since: new Date(now.getTime() - 60_000), running_sha256: "a".repeat(64) });
  });
});

describe("roll-ups", () => {
  const clearAll = () => withSql(suite.db, async (sql) => {
    for (const table of ["latency_minute", "latency_hour", "latency_day", "device_latency", "latency_late_hour", "version_counter"]) await sql.query(`delete from ${table}`);
  });
  const roll = (at: Date) => withSql(suite.db, (sql) => rollUp(sql, at));

  test("hours and days hold exactly the samples of their windows, however late these come and however often it is rolled up", async () => {
    const arrival = fc.record({ afterMinutes: fc.integer({ min: 0, max: 300 }), ageMinutes: fc.integer({ min: 0, max: 60 * 80 }), rollsUp: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(arrival, { minLength: 1, maxLength: 12 }), async (arrivals) => {
        await clearAll();
        const device = freshId();
        const perHour = new Map<number, number>();
        let atMs = now.getTime();
        let seq = 0;
        for (const { afterMinutes, ageMinutes, rollsUp } of arrivals) {
          atMs += afterMinutes * MINUTE_MS;
          seq += 1;
          const samples = Array.from({ length: seq }, (_, i) => i + 1);
          await apply([itemOf(device, batch([windowOf(seq, samples, { ageMs: ageMinutes * MINUTE_MS })]), { receivedAt: new Date(atMs) })]);
          const hour = Math.floor((atMs - ageMinutes * MINUTE_MS) / HOUR_MS);
          perHour.set(hour, (perHour.get(hour) ?? 0) + seq);
          // A worker rolls up every minute; a stopped one comes back later and must catch up.
          if (rollsUp) for (let minute = 0; minute <= 90; minute += 30) await roll(new Date(atMs + minute * MINUTE_MS));
        }
        for (let day = 0; day <= 4; day += 1) await roll(new Date(atMs + day * 24 * HOUR_MS));
        const rows = await query<{ at: Date; count: bigint; buckets: Uint8Array }>("select at, count, buckets from latency_hour where fleet_id = '*'");
        expect(new Map(rows.map((row) => [row.at.getTime() / HOUR_MS, Number(row.count)]))).toEqual(perHour);
        const total = [...perHour.values()].reduce((a, b) => a + b, 0);
        expect(await samplesOf("latency_day", "*")).toMatchObject({ count: total, inBuckets: total });
        expect(await numberOf("select count(*) as n from latency_minute")).toBe(0);
      }),
      { numRuns: 15 },
    );
  });

  test("windows count as late after ten minutes, in every step", async () => {
    await clearAll();
    await apply([itemOf(freshId(), batch([windowOf(1, [1], { ageMs: 20 * MINUTE_MS }), windowOf(2, [1])]))]);
    await roll(now);
    for (const table of ["latency_minute", "latency_hour", "latency_day"]) expect((await samplesOf(table, "*")).late, table).toBe(1);
  });

  test("what is older than its time is deleted, the rest stays", async () => {
    await clearAll();
    const device = freshId();
    await apply([itemOf(device, batch([windowOf(1, [1], { ageMs: 20 * 24 * HOUR_MS }), windowOf(2, [1])]))]);
    await roll(now);
    await withSql(suite.db, (sql) => pruneTelemetry(sql, now));
    expect(await numberOf("select count(*) as n from device_latency where device_id = $1", [device])).toBe(1);
    expect((await samplesOf("latency_hour", "*")).count).toBe(2);
    await withSql(suite.db, (sql) => pruneTelemetry(sql, new Date(now.getTime() + 80 * 24 * HOUR_MS)));
    expect((await samplesOf("latency_hour", "*")).count).toBe(1);
    expect((await samplesOf("latency_day", "*")).count).toBe(2);
    await withSql(suite.db, (sql) => pruneTelemetry(sql, new Date(now.getTime() + 800 * 24 * HOUR_MS)));
    expect((await samplesOf("latency_day", "*")).count).toBe(0);
  });
});
