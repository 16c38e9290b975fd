import { afterAll, beforeAll, expect, test } from "vitest";
import { withSql } from "@flotilla/db";
import { startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

// Devices that lived on while the database went back to yesterday.

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.stop());

const soon = { timeout: 10_000, interval: 50 };

async function setTarget(deviceId: string, targetVersion: number): Promise<void> {
  await withSql(gateway.db, async (sql) => {
    const [seq] = await sql.query<{ value: bigint }>("insert into version_counter (name, value) values ('target', 1) on conflict (name) do update set value = version_counter.value + 1 returning value");
    await sql.query(
      `insert into device_target (device_id, target_version, build_id, change_seq) values ($1, $2::bigint, null, $3::bigint)
       on conflict (device_id) do update set target_version = excluded.target_version, change_seq = excluded.change_seq`,
      [deviceId, targetVersion, seq?.value],
    );
    await sql.query("select pg_notify('flotilla_targets', $1)", [String(seq?.value)]);
  });
}

test("a device that knows a higher target version than the platform is given its target again, above that", async () => {
  const device = await gateway.device("ahead");
  await setTarget(device.deviceId, 3);
  await expect.poll(async () => (await device.sync(device.request(undefined, { targetVersion: 2 }))).body.target, soon).toMatchObject({ targetVersion: 3 });
  await expect.poll(async () => (await device.sync(device.request(undefined, { targetVersion: 9 }))).body.target, soon).toMatchObject({ targetVersion: 10, build: null });
  expect((await device.sync(device.request(undefined, { targetVersion: 10 }))).body.target).toBeUndefined();
});

test("a device that is not ahead keeps its target's version, whatever a gateway that is behind believes", async () => {
  const device = await gateway.device("level");
  await setTarget(device.deviceId, 5);
  await expect.poll(async () => (await device.sync(device.request(undefined, { targetVersion: 4 }))).body.target, soon).toMatchObject({ targetVersion: 5 });
  await device.sync(device.request(undefined, { targetVersion: 5 }));
  expect(await gateway.ports.reissueTargets([device.deviceId])).toEqual([]);
  expect(await gateway.db.prisma.deviceTarget.findUniqueOrThrow({ where: { deviceId: device.deviceId } })).toMatchObject({ targetVersion: 5n });
});

test("telemetry that was acknowledged and lost is asked for again; what the device no longer has it may declare", async () => {
  const device = await gateway.device("teller");
  await device.sync(device.request(device.windows(5)));
  await withSql(gateway.db, (sql) => sql.query("update telemetry_watermark set seq = 2, stored_windows = 2 where device_id = $1", [device.deviceId]));
  const gap = await device.sync(device.request(device.windows(1)));
  expect(gap).toMatchObject({ status: 200, body: { ack: { epoch: "0123456789abcdef", seq: 2 } } });
  const rest = device.windows(1, 6);
  const declared = await device.sync(device.request({ ...rest, first: 3, dropped: [[3, 5]] }));
  expect(declared).toMatchObject({ status: 200, body: { ack: { epoch: "0123456789abcdef", seq: 6 } } });
  const [mark] = await withSql(gateway.db, (sql) => sql.query<{ seq: bigint; stored_windows: bigint; dropped_windows: bigint }>("select seq, stored_windows, dropped_windows from telemetry_watermark where device_id = $1", [device.deviceId]));
  expect([Number(mark?.seq), Number(mark?.stored_windows) + Number(mark?.dropped_windows)]).toEqual([6, 6]);
});

test("a gateway that ran through a restore reads everything again: who is gone is unknown, who came back is let in", async () => {
  const kept = await gateway.device("kept");
  const lost = await gateway.device("lost");
  expect([(await kept.sync()).status, (await lost.sync()).status]).toEqual([200, 200]);
  // A restore as a gateway sees it: rows are gone or as they were, and the counters with them.
  await withSql(gateway.db, async (sql) => {
    await sql.query("delete from telemetry_watermark where device_id = $1", [lost.deviceId]);
    await sql.query("delete from device_live where device_id = $1", [lost.deviceId]);
    await sql.query("delete from device where id = $1", [lost.deviceId]);
    await sql.query("update version_counter set value = 0 where name in ('target', 'registry')");
  });
  await expect.poll(async () => (await lost.sync()).body.code, soon).toBe("device_unknown");
  expect((await kept.sync()).status).toBe(200);
  expect(await lost.enroll(await gateway.enrollmentToken())).toMatchObject({ status: 200 });
  await lost.getToken();
  expect((await lost.sync()).status).toBe(200);
});
