import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withSql, withTx } from "@flotilla/db";
import { pinDevice, setDeviceLabels, systemPrincipal } from "@flotilla/fleet";
import { syncResponseSchema } from "@flotilla/protocol";
import type { GatewayPorts } from "./ports.ts";
import { testClass, type TestDevice } from "./testing/test-device.ts";
import { startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

/** Calls that reach the database, by name. */
const calls = new Map<keyof GatewayPorts, number>();
let holdBatches: Promise<void> | null = null;
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    maxQueued: 40,
    wrap: (ports) => {
      const counted = Object.fromEntries(
        Object.entries(ports).map(([name, call]) => [name, (...args: unknown[]) => {
          calls.set(name as keyof GatewayPorts, (calls.get(name as keyof GatewayPorts) ?? 0) + 1);
          return (call as (...all: unknown[]) => unknown)(...args);
        }]),
      ) as GatewayPorts;
      return { ...counted, applySyncs: async (items) => { await holdBatches; return counted.applySyncs(items); } };
    },
  });
  const { prisma } = gateway.db;
  await prisma.artifact.create({ data: { sha256: "a".repeat(64), sizeBytes: 100 } });
  await prisma.build.create({ data: { id: "bld_1", name: "one", state: "ready", settings: {}, manifestSha256: "a".repeat(64), createdById: "usr", variants: { create: { position: 0, versionId: "ver_1" } } } });
  await prisma.rollout.create({
    data: { id: "rol_1", name: "r", buildId: "bld_1", fleetId: "flt_1", query: "", salt: "s", state: "running", policy: { maxAttempts: 3, inProgressTimeoutMs: 60_000 }, createdById: "usr", waves: { create: { position: 0, percent: 100, soakSeconds: 0, maxFailurePercent: 10 } } },
  });
});
afterAll(() => gateway.stop());

const admin = systemPrincipal("test");
const soon = { timeout: 10_000 };
const count = async (text: string, values: unknown[] = []) => Number((await withSql(gateway.db, (sql) => sql.query<{ n: bigint | null }>(text, values)))[0]?.n ?? 0);

/** Offers the build to a device, as the evaluator does. */
async function offer(device: TestDevice, targetVersion: number): Promise<string> {
  const id = `dep_${device.name}_${targetVersion}`;
  await withSql(gateway.db, async (sql) => {
    await sql.query(
      `insert into deployment (id, rollout_id, device_id, direction, wave_position, state, build_id, class_name, target_version, offered_at)
       values ($1, 'rol_1', $2, 'forward', 0, 'offered', 'bld_1', 'pi4', $3::bigint, now())
       on conflict (rollout_id, device_id, direction) do update set id = excluded.id, state = 'offered', target_version = excluded.target_version`,
      [id, device.deviceId, targetVersion],
    );
    const [seq] = await sql.query<{ value: bigint }>("insert into version_counter (name, value) values ('target', 1) on conflict (name) do update set value = version_counter.value + 1 returning value");
    await sql.query(
      `insert into device_target (device_id, target_version, build_id, deployment_id, change_seq) values ($1, $2::bigint, 'bld_1', $3, $4::bigint)
       on conflict (device_id) do update set target_version = excluded.target_version, deployment_id = excluded.deployment_id, change_seq = excluded.change_seq`,
      [device.deviceId, targetVersion, id, seq?.value],
    );
    await sql.query("select pg_notify('flotilla_targets', $1)", [String(seq?.value)]);
  });
  return id;
}

describe("the ledger over HTTP", () => {
  test("a batch that is sent again is acknowledged again and stored once; a gap is answered with the place to go on from", async () => {
    const device = await gateway.device("ledger");
    const first = device.request(device.windows(3));
    expect((await device.sync(first)).body.ack).toEqual({ epoch: "0123456789abcdef", seq: 3 });
    expect((await device.sync(first)).body.ack).toEqual({ epoch: "0123456789abcdef", seq: 3 });
    expect((await device.sync(device.request(device.windows(2, 10)))).body.ack).toEqual({ epoch: "0123456789abcdef", seq: 3 });
    expect((await device.sync(device.request(device.windows(4, 2)))).body.ack).toEqual({ epoch: "0123456789abcdef", seq: 5 });
    expect(await count("select sum(count) as n from device_latency where device_id = $1", [device.deviceId])).toBe(5);
    const dropped = { epoch: "0123456789abcdef", first: 6, last: 20, windows: [], dropped: [[6, 20] as [number, number]] };
    expect((await device.sync(device.request(dropped))).body.ack?.seq).toBe(20);
    expect(await count("select dropped_windows as n from telemetry_watermark where device_id = $1", [device.deviceId])).toBe(15);
  });

  test("a sync without telemetry has no acknowledgement, and answers keep to the protocol", async () => {
    const device = await gateway.device("quiet");
    const { body } = await device.sync();
    expect(syncResponseSchema.parse(body)).toEqual(body);
    expect(body.ack).toBeUndefined();
  });
});

describe("the hot path", () => {
  test("syncs of devices in memory cause batch writes and nothing else", async () => {
    const devices = await Promise.all(Array.from({ length: 10 }, (_, i) => gateway.device(`hot-${i}`)));
    await Promise.all(devices.map((device) => device.sync()));
    // What the watch asks each second does not depend on the number of syncs.
    const background: (keyof GatewayPorts)[] = ["watchedVersions", "fleetQueries", "devicesChangedSince", "targetsSince", "announce"];
    // Enrolments made the gateway read those devices again: wait until it has looked twice and found nothing new.
    let quietSince = { looks: 0, loads: -1 };
    await expect.poll(() => {
      const at = { looks: calls.get("watchedVersions") ?? 0, loads: calls.get("loadDevices") ?? 0 };
      if (at.loads !== quietSince.loads) quietSince = at;
      return at.looks - quietSince.looks;
    }, soon).toBeGreaterThanOrEqual(2);
    calls.clear();
    const rounds = 20;
    for (let round = 0; round < rounds; round += 1) {
      const answers = await Promise.all(devices.map((device) => device.sync(device.request(device.windows(1)))));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
    }
    const seen = Object.fromEntries([...calls].filter(([name]) => !background.includes(name)));
    process.stdout.write(`${rounds * devices.length} syncs of devices in memory: ${JSON.stringify(seen)}\n`);
    expect(Object.keys(seen)).toEqual(["applySyncs"]);
    expect(seen["applySyncs"]).toBeLessThanOrEqual(rounds * 3);
    expect(await count("select sum(stored_windows) as n from telemetry_watermark where device_id = any($1::text[])", [devices.map((d) => d.deviceId)])).toBe(rounds * devices.length);
  });

  test("a full queue refuses with Retry-After before the body is read, and what was taken is still answered", async () => {
    const device = await gateway.device("crowd");
    await device.sync();
    const gate = Promise.withResolvers<void>();
    holdBatches = gate.promise;
    const answers: Promise<{ status: number; headers: Headers }>[] = [];
    try {
      for (let i = 0; i < 40; i += 1) answers.push(device.sync());
      const refused = await expect.poll(() => device.post("/device/v1/sync", "x".repeat(100_000), { authorization: `Bearer ${device.token}` }).then((a) => a.status), soon).toBe(429).then(() => device.sync());
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(refused.body.code).toBe("rate_limited");
    } finally {
      holdBatches = null;
      gate.resolve();
    }
    const settled = await Promise.all(answers);
    expect(settled.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(39);
  });

  test("a sync that the database refuses does not take its batch with it", async () => {
    const [good, bad] = await Promise.all([gateway.device("good"), gateway.device("bad")]);
    await withSql(gateway.db, (sql) =>
      sql.query(`create or replace function refuse_bad() returns trigger language plpgsql as $$ begin if new.device_id = '${bad.deviceId}' then raise exception 'refused on purpose'; end if; return new; end $$`),
    );
    await withSql(gateway.db, (sql) => sql.query("create trigger refuse_bad before insert or update on device_live for each row execute function refuse_bad()"));
    try {
      const answers = await Promise.all([good.sync(), bad.sync(), good.sync(), bad.sync(), good.sync()]);
      expect(answers.map(({ status }) => status)).toEqual([200, 500, 200, 500, 200]);
      expect(JSON.stringify(answers[1]?.body)).not.toContain("on purpose");
    } finally {
      await withSql(gateway.db, (sql) => sql.query("drop trigger refuse_bad on device_live"));
    }
  });
});

describe("targets", () => {
  test("a device hears of its target with its next sync, once, and syncs more often until it has ended", async () => {
    const device = await gateway.device("installer");
    expect((await device.sync()).body.target).toBeUndefined();
    const deploymentId = await offer(device, 1);
    await expect.poll(async () => (await device.sync()).body.target, soon).toEqual({
      targetVersion: 1, deploymentId, build: { buildId: "bld_1", name: "one", manifest: { sha256: "a".repeat(64), sizeBytes: 100 } }, maxAttempts: 3, attemptTimeoutMs: 60_000,
    });
    const downloading = { deploymentId, targetVersion: 1, attempt: 1, phase: "downloading" as const, bytesDone: 1, bytesTotal: 4 };
    const busy = await device.sync(device.request(undefined, { targetVersion: 1, deployment: downloading }));
    expect(busy.body.target).toBeUndefined();
    expect(busy.body.syncAfterMs).toBeLessThanOrEqual(1.5 * 7_500);
    expect(await count("select count(*) as n from deployment where id = $1 and state = 'downloading'", [deploymentId])).toBe(1);
    const failed = { ...downloading, phase: "failed" as const, failure: { code: "load_failed" as const, detail: "no", recovery: "no_state_change" as const } };
    const done = await device.sync(device.request(undefined, { targetVersion: 1, deployment: failed }));
    expect(done.body.syncAfterMs).toBeGreaterThanOrEqual(15_000);
    expect(await count("select count(*) as n from deployment where id = $1 and state = 'failed'", [deploymentId])).toBe(1);
  });

  test("a device that is handed a target has begun, before it says so: a stop must not take the build from under it", async () => {
    const device = await gateway.device("handed");
    const deploymentId = await offer(device, 1);
    await expect.poll(async () => (await device.sync()).body.target?.deploymentId, soon).toBe(deploymentId);
    // The same again, as if the answer had been lost on its way: the device still has version 0.
    expect((await device.sync()).body.target?.deploymentId).toBe(deploymentId);
    expect(await count("select count(*) as n from deployment where id = $1 and state = 'downloading' and retrieved_at is not null and deadline_at is not null", [deploymentId])).toBe(1);
  });

  test("an install that a newer target has replaced is told to stop", async () => {
    const device = await gateway.device("superseded");
    const old = await offer(device, 1);
    await expect.poll(async () => (await device.sync()).body.target?.deploymentId, soon).toBe(old);
    const newer = await offer(device, 2);
    const report = { targetVersion: 1, deployment: { deploymentId: old, targetVersion: 1, attempt: 1, phase: "downloading" as const } };
    await expect.poll(async () => (await device.sync(device.request(undefined, report))).body.commands, soon).toEqual([{ kind: "cancel", deploymentId: old }]);
    expect((await device.sync(device.request(undefined, report))).body.target?.deploymentId).toBe(newer);
  });

  test("a notification that was missed is made up for by the poll", async () => {
    const device = await gateway.device("unheard");
    await device.sync();
    await withSql(gateway.db, async (sql) => {
      const [seq] = await sql.query<{ value: bigint }>("insert into version_counter (name, value) values ('target', 1) on conflict (name) do update set value = version_counter.value + 1 returning value");
      await sql.query("insert into device_target (device_id, target_version, build_id, change_seq) values ($1, 1, null, $2::bigint)", [device.deviceId, seq?.value]);
    });
    await expect.poll(async () => (await device.sync()).body.target, soon).toMatchObject({ targetVersion: 1, build: null });
  });
});

describe("what people change reaches the gateway", () => {
  test("labels move a device between fleets, a pin keeps its minutes, a class it states is taken over", async () => {
    const device = await gateway.device("mover");
    await gateway.db.prisma.fleet.create({ data: { id: "flt_north", name: "north", query: "region=north", createdById: "usr" } });
    await device.sync();
    await withTx(gateway.db, (tx) => setDeviceLabels(tx, admin, { deviceId: device.deviceId, labels: { region: "north" } }));
    await withTx(gateway.db, (tx) => pinDevice(tx, admin, { deviceId: device.deviceId, pinned: true }));
    await expect.poll(async () => {
      await device.sync(device.request(device.windows(1)));
      return (await count("select sum(count) as n from latency_minute where fleet_id = 'flt_north'")) > 0 && (await count("select count(*) as n from device_latency where device_id = $1 and step = 'minute'", [device.deviceId])) > 0;
    }, soon).toBe(true);
    await device.sync(device.request(undefined, { class: { ...testClass, name: "pi5" } }));
    await expect.poll(() => count("select count(*) as n from device where id = $1 and class_name = 'pi5' and labels @> '{\"class\":\"pi5\",\"region\":\"north\"}'", [device.deviceId]), soon).toBe(1);
  });

  test("pages are told of devices and latency by change events", async () => {
    const device = await gateway.device("announced");
    await device.sync(device.request(device.windows(1)));
    await expect.poll(() => count("select count(*) as n from change_event where topic = 'device' and object_id = $1", [device.deviceId]), soon).toBeGreaterThanOrEqual(2);
    expect(await count("select count(*) as n from change_event where topic = 'latency'")).toBeGreaterThan(0);
  });
});
