import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sqlOf, testDb, withSql, withTx, type TestDb } from "@flotilla/db";
import { listAudit } from "../access/index.ts";
import { systemPrincipal, type Principal } from "../principal.ts";
import { approveKeyChange, revokeDevice, setDeviceLabels } from "./change-store.ts";
import { countDevices, deviceSummary, listDevices, type DeviceFilter } from "./list-store.ts";
import { presenceOf, presenceSql } from "./presence.ts";
import { devicesChangedSince, watchedVersions } from "./registry-store.ts";
import { announceSyncInterval } from "./sync-interval-store.ts";
import { getDevice } from "./view-store.ts";

let suite: TestDb;
const admin = systemPrincipal("test");
const deviceClass = (name: string) => ({ name, arch: "arm64", isa: [], runtime: { name: "ort", version: "1" }, executionProvider: "cpu", memoryBytes: 1, simulated: name === "sim" });
const live = (deviceId: string, secondsAgo: number, runningBuildId: string | null, more: object = {}) => ({
  deviceId, lastSeenAt: new Date(Date.now() - secondsAgo * 1000), bootId: "boot", runningBuildId, slots: [], resources: {}, ...more,
});

beforeAll(async () => {
  suite = await testDb();
  const { prisma } = suite.db;
  await withSql(suite.db, (sql) => announceSyncInterval(sql, 600_000));
  for (const n of [1, 2]) await prisma.build.create({ data: { id: `bld_${n}`, name: `build ${n}`, settings: {}, createdById: "u" } });
  const device = (id: string, className: string, site: string, more: object = {}) => ({ id, name: `box-${id}`, publicKey: "k", labels: { class: className, site }, className, class: deviceClass(className), simulated: className === "sim", ...more });
  await prisma.device.createMany({
    data: [device("dev_1", "pi4", "lab"), device("dev_2", "pi4", "home"), device("dev_3", "sim", "lab"), device("dev_4", "sim", "lab"), device("dev_5", "pi4", "lab", { state: "revoked" })],
  });
  await prisma.deviceLive.createMany({ data: [live("dev_1", 60, "bld_1"), live("dev_2", 3_600, "bld_1"), live("dev_3", 36_000, null), live("dev_5", 60, "bld_2")] });
  await prisma.deviceTarget.createMany({ data: [{ deviceId: "dev_1", targetVersion: 1, buildId: "bld_1", changeSeq: 1 }, { deviceId: "dev_2", targetVersion: 2, buildId: "bld_2", changeSeq: 1 }] });
  await prisma.fleet.create({ data: { id: "flt_lab", name: "lab", query: "site=lab", createdById: "u" } });
});
afterAll(() => suite.drop());

const ids = async (filter: DeviceFilter) => (await withTx(suite.db, (tx) => listDevices(tx, admin, filter))).items.map((row) => row.id);

test("presence is one rule, in TypeScript and in SQL", async () => {
  await fc.assert(
    fc.asyncProperty(fc.option(fc.integer({ min: -5_000, max: 400_000 }), { nil: null }), fc.integer({ min: 500, max: 60_000 }), async (agoMs, intervalMs) => {
      const now = new Date("2026-11-24T12:00:00Z");
      const lastSeen = agoMs === null ? null : new Date(now.getTime() - agoMs);
      const [row] = await withSql(suite.db, (sql) => sql.query<{ presence: string }>(`select ${presenceSql("$3::timestamptz", "$1::timestamptz", "$2::float8")} as presence`, [now, intervalMs, lastSeen]));
      expect(row?.presence).toBe(presenceOf(lastSeen?.getTime() ?? null, now.getTime(), intervalMs));
    }),
    { numRuns: 200 },
  );
});

describe("lists", () => {
  test("show each device once, newest first, by pages", async () => {
    const first = await withTx(suite.db, (tx) => listDevices(tx, admin, { limit: 2 }));
    const second = await withTx(suite.db, (tx) => listDevices(tx, admin, { limit: 2, cursor: first.nextCursor ?? "" }));
    const third = await withTx(suite.db, (tx) => listDevices(tx, admin, { limit: 2, cursor: second.nextCursor ?? "" }));
    expect([first, second, third].map((page) => page.items.map((row) => row.id))).toEqual([["dev_5", "dev_4"], ["dev_3", "dev_2"], ["dev_1"]]);
    expect(third.nextCursor).toBeNull();
  });

  test("are narrowed by selector, part of the name, presence, drift, class and build, together too", async () => {
    expect(await ids({ query: "site=lab,class!=pi4" })).toEqual(["dev_4", "dev_3"]);
    expect(await ids({ search: "BOX-dev_2" })).toEqual(["dev_2"]);
    expect(await ids({ search: "dev_2" })).toEqual(["dev_2"]);
    expect(await ids({ search: "%" })).toEqual([]);
    expect(await ids({ search: "x_dev" })).toEqual([]);
    expect(await ids({ presence: "reporting" })).toEqual(["dev_5", "dev_1"]);
    expect(await ids({ presence: "late" })).toEqual(["dev_2"]);
    expect(await ids({ presence: "silent" })).toEqual(["dev_3"]);
    expect(await ids({ presence: "never" })).toEqual(["dev_4"]);
    expect(await ids({ drift: true })).toEqual(["dev_2"]);
    expect(await ids({ drift: false, className: "pi4" })).toEqual(["dev_5", "dev_1"]);
    expect(await ids({ buildId: "bld_1", query: "site=home" })).toEqual(["dev_2"]);
    await expect(ids({ query: "class=" + ",," })).rejects.toMatchObject({ code: "selector_invalid" });
  });

  test("count active devices only, by presence, class and build, of a fleet or of all", async () => {
    const summary = (input: { fleetId?: string; query?: string }) => withTx(suite.db, (tx) => deviceSummary(tx, admin, input));
    expect(await summary({})).toEqual({
      total: 4, drift: 1, byPresence: { reporting: 1, late: 1, silent: 1, never: 1 },
      byClass: [{ className: "pi4", devices: 2, simulated: false }, { className: "sim", devices: 2, simulated: true }],
      byBuild: [{ buildId: "bld_1", buildName: "build 1", devices: 2 }, { buildId: null, buildName: null, devices: 2 }],
    });
    expect((await summary({ fleetId: "flt_lab" })).total).toBe(3);
    expect((await summary({ query: "site=mars" }))).toMatchObject({ total: 0, byClass: [], byBuild: [] });
    await expect(summary({ fleetId: "flt_x" })).rejects.toMatchObject({ code: "not_found" });
    expect(await withTx(suite.db, (tx) => countDevices(tx, admin, "site=lab"))).toBe(3);
  });
});

test("who never synced is known from the first row of last states on, also when it is written twice or taken away again", async () => {
  const never = async () => (await ids({ presence: "never" }));
  expect(await never()).toEqual(["dev_4"]);
  const upsert = (id: string) => withSql(suite.db, (sql) => sql.query(
    "insert into device_live (device_id, last_seen_at, boot_id, slots, resources) values ($1, now(), 'b', '[]', '{}'), ('dev_1', now(), 'b', '[]', '{}') on conflict (device_id) do update set boot_id = excluded.boot_id", [id]));
  const before = await suite.db.prisma.device.findUniqueOrThrow({ where: { id: "dev_1" } });
  for (let i = 0; i < 2; i += 1) {
    await upsert("dev_4");
    expect(await never()).toEqual([]);
  }
  expect(await suite.db.prisma.device.findUniqueOrThrow({ where: { id: "dev_1" } })).toEqual(before);
  await suite.db.prisma.deviceLive.delete({ where: { deviceId: "dev_4" } });
  expect(await never()).toEqual(["dev_4"]);
  const { byPresence } = await withTx(suite.db, (tx) => deviceSummary(tx, admin, {}));
  expect(byPresence.never).toBe(1);
});

describe("one device", () => {
  test("says what it should run, what it runs and why not", async () => {
    const device = await withTx(suite.db, (tx) => getDevice(tx, admin, "dev_2"));
    expect(device).toMatchObject({ wantedBuild: { id: "bld_2", name: "build 2" }, actualBuild: { id: "bld_1", name: "build 1" }, drift: true, presence: "late", whyNot: "It has not synced lately; it takes the build when it comes back.", simulated: false });
    expect(await withTx(suite.db, (tx) => getDevice(tx, admin, "dev_1"))).toMatchObject({ drift: false, whyNot: null });
    expect(await withTx(suite.db, (tx) => getDevice(tx, admin, "dev_4"))).toMatchObject({ presence: "never", slots: [], resources: null, bootId: null, telemetry: { storedWindows: 0, droppedWindows: 0 } });
    await expect(withTx(suite.db, (tx) => getDevice(tx, admin, "dev_x"))).rejects.toMatchObject({ code: "not_found" });
  });

  test("changes are audited, raise its registry version, and need the role", async () => {
    const before = await withSql(suite.db, watchedVersions);
    await withTx(suite.db, (tx) => setDeviceLabels(tx, admin, { deviceId: "dev_3", labels: { site: "lab", class: "lie", rack: "4" } }));
    const after = await withSql(suite.db, (sql) => devicesChangedSince(sql, before.registry));
    expect(after.deviceIds).toEqual(["dev_3"]);
    expect((await withTx(suite.db, (tx) => getDevice(tx, admin, "dev_3"))).labels).toEqual({ site: "lab", class: "sim", arch: "arm64", rack: "4" });
    const audit = await withTx(suite.db, (tx) => listAudit(tx, admin, { objectId: "dev_3" }));
    expect(audit.items).toMatchObject([{ action: "device.labels", detail: { after: { rack: "4" } } }]);
    const viewer: Principal = { kind: "user", id: "v", name: "v", role: "viewer" };
    await expect(withTx(suite.db, (tx) => setDeviceLabels(tx, viewer, { deviceId: "dev_3", labels: {} }))).rejects.toMatchObject({ code: "forbidden" });
    await expect(withTx(suite.db, (tx) => revokeDevice(tx, viewer, { deviceId: "dev_3" }))).rejects.toMatchObject({ code: "forbidden" });
    await expect(withTx(suite.db, (tx) => approveKeyChange(tx, admin, { deviceId: "dev_3" }))).rejects.toMatchObject({ code: "illegal_transition" });
    await expect(withTx(suite.db, (tx) => setDeviceLabels(tx, admin, { deviceId: "dev_3", labels: { "bad key!": "x" } }))).rejects.toMatchObject({ code: "bad_request" });
    await expect(withTx(suite.db, (tx) => revokeDevice(tx, admin, { deviceId: "dev_5" }))).rejects.toMatchObject({ code: "illegal_transition" });
  });
});

test("with 100,000 devices every page and count is a matter of milliseconds, and the plan does not read them all for a page", async () => {
  const big = await testDb();
  try {
    await withSql(big.db, async (sql) => {
      await sql.query(`insert into device (id, name, public_key, labels, class_name, class, simulated)
        select 'dev_' || lpad(i::text, 7, '0'), 'box-' || i, 'k', jsonb_build_object('class', 'c' || i % 4, 'site', 's' || i % 500), 'c' || i % 4, '{"arch":"arm64"}', true from generate_series(1, 100000) i`);
      await sql.query(`insert into device_live (device_id, last_seen_at, boot_id, running_build_id, slots, resources)
        select id, now() - (random() * 400) * interval '1 second', 'b', 'bld_' || (1 + random()::int), '[]', '{}' from device`);
      await sql.query("insert into device_target (device_id, target_version, build_id, change_seq) select id, 1, 'bld_1', 1 from device");
      await sql.query("analyze");
    });
    const times: string[] = [];
    const timed = async (name: string, work: () => Promise<unknown>): Promise<void> => {
      const runs: number[] = [];
      for (let i = 0; i < 5; i += 1) {
        const beganMs = performance.now();
        await work();
        runs.push(performance.now() - beganMs);
      }
      times.push(`${name} ${Math.round(runs.toSorted((a, b) => a - b)[2] ?? 0)} ms`);
    };
    const list = (filter: DeviceFilter & { cursor?: string }) => () => withTx(big.db, (tx) => listDevices(tx, admin, filter));
    await timed("page", list({}));
    await timed("deep page", list({ cursor: "dev_0001000" }));
    await timed("selector", list({ query: "site=s7" }));
    await timed("search", list({ search: "box-99999" }));
    await timed("reporting", list({ presence: "reporting" }));
    await timed("silent", list({ presence: "silent" }));
    await timed("never (none is)", list({ presence: "never" }));
    await timed("drift in a class", list({ drift: true, className: "c1" }));
    await timed("summary of all", () => withTx(big.db, (tx) => deviceSummary(tx, admin, {})));
    await timed("summary of a fleet", () => withTx(big.db, (tx) => deviceSummary(tx, admin, { query: "site in (s1,s2)" })));
    // As it is in a fleet that works: everybody was heard since PostgreSQL looked, but for the oldest few.
    await big.db.pool.query("update device_live set last_seen_at = case when device_id < 'dev_0000100' then now() - interval '120 seconds' else now() end");
    await timed("reporting, by old statistics", list({ presence: "reporting" }));
    await timed("late, far from the top", list({ presence: "late" }));
    process.stdout.write(`100,000 devices, medians: ${times.join(" · ")}\n`);
    const plan = await withTx(big.db, (tx) => sqlOf(tx).query<{ "QUERY PLAN": string }>("explain select device.id from device left join device_live l on l.device_id = device.id order by device.id desc limit 51"));
    expect(plan.map((row) => row["QUERY PLAN"]).join("\n")).toContain("device_pkey");
    expect((await withTx(big.db, (tx) => listDevices(tx, admin, { query: "site=s7" }))).items).toHaveLength(50);
    // Page by page it is what one question for all would answer, wherever the stretches that are looked through end: here behind 95,000 of the 100,000.
    await big.db.pool.query("update device_live set last_seen_at = case when device_id < 'dev_0005000' and right(device_id, 2) = '00' then now() else now() - interval '150 seconds' end");
    const pages: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await withTx(big.db, (tx) => listDevices(tx, admin, { presence: "reporting", limit: 20, cursor: cursor ?? "" }));
      pages.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(pages).toEqual(Array.from({ length: 49 }, (_, i) => `dev_${String((49 - i) * 100).padStart(7, "0")}`));
  } finally {
    await big.drop();
  }
});
