import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDb, withSql, withTx, type TestDb } from "@flotilla/db";
import { createEnrollmentToken, systemPrincipal } from "@flotilla/fleet";
import { startGatewayProcess, type GatewayProcess } from "./testing/gateway-process.ts";
import { TestDevice } from "./testing/test-device.ts";

// Devices keep what is not acknowledged and send it again; these tests take the gateway and its connections away in the middle.

const DEVICES = 8;
let suite: TestDb;
let root = "";
let running: GatewayProcess;
const start = (): Promise<GatewayProcess> => startGatewayProcess({ DATABASE_URL: suite.url, ARTIFACT_STORE: root });
beforeAll(async () => {
  suite = await testDb();
  root = await mkdtemp(join(tmpdir(), "flotilla-gateway-"));
  running = await start();
});
afterAll(async () => {
  await running.stop();
  await suite.drop();
  await rm(root, { recursive: true, force: true });
});

/** A device with a ledger: sends what is not acknowledged, until told to stop or all is acknowledged. */
class LedgerDevice {
  readonly inner: TestDevice;
  produced = 0;
  acked = 0;

  constructor(inner: TestDevice) {
    this.inner = inner;
  }

  /** Answers whether the gateway answered. */
  async step(produce: boolean): Promise<boolean> {
    if (produce) this.produced += 1;
    const telemetry = this.inner.windows(this.produced - this.acked, this.acked + 1);
    try {
      const response = await fetch(`${running.url}/device/v1/sync`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${this.inner.token}` },
        body: JSON.stringify(this.inner.request(this.produced > this.acked ? telemetry : undefined)),
      });
      const body = (await response.json()) as { ack?: { seq: number } };
      if (response.status !== 200) return false;
      if (body.ack) this.acked = body.ack.seq;
      return true;
    } catch {
      return false;
    }
  }
}

async function devicesOf(prefix: string): Promise<LedgerDevice[]> {
  const { token } = await withTx(suite.db, (tx) => createEnrollmentToken(tx, systemPrincipal("test"), { maxUses: DEVICES }));
  return Promise.all(
    Array.from({ length: DEVICES }, async (_, i) => {
      const device = new TestDevice(running.url, `${prefix}-${i}`);
      await device.enroll(token);
      await device.getToken();
      return new LedgerDevice(device);
    }),
  );
}

/** Lets devices sync while `disturb` does its work, then until all is acknowledged; then compares with what is stored. */
async function checkNothingIsLost(devices: readonly LedgerDevice[], disturb: (answered: () => number) => Promise<void>): Promise<{ refused: number }> {
  let isOver = false;
  let answered = 0;
  let refused = 0;
  const loops = devices.map(async (device) => {
    while (!isOver || device.acked < device.produced) {
      if (await device.step(!isOver)) answered += 1;
      else {
        refused += 1;
        // The device's backoff.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  });
  await disturb(() => answered);
  isOver = true;
  await Promise.all(loops);
  for (const device of devices) {
    const [row] = await withSql(suite.db, (sql) => sql.query<{ seq: bigint; stored_windows: bigint; samples: bigint }>(
      "select w.seq, w.stored_windows, (select sum(count)::bigint from device_latency where device_id = w.device_id) as samples from telemetry_watermark w where w.device_id = $1", [device.inner.deviceId]));
    expect({ seq: Number(row?.seq), stored: Number(row?.stored_windows), samples: Number(row?.samples) }).toEqual({ seq: device.produced, stored: device.produced, samples: device.produced });
  }
  return { refused };
}

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 30_000, interval: 10 }).toBe(true);
}

test("a gateway that is killed in the middle loses nothing it acknowledged and doubles nothing that is sent again", async () => {
  const devices = await devicesOf("killed");
  const { refused } = await checkNothingIsLost(devices, async (answered) => {
    for (let kills = 0; kills < 3; kills += 1) {
      const before = answered();
      await until(() => answered() > before + 2 * DEVICES);
      await running.stop("SIGKILL");
      running = await start();
    }
  });
  expect(refused).toBeGreaterThan(0);
}, 240_000);

test("connections to the database that break in the middle are answered with 503 and made up for", async () => {
  const devices = await devicesOf("cut");
  const cut: string[] = [];
  await checkNothingIsLost(devices, async (answered) => {
    for (let cuts = 0; cuts < 5; cuts += 1) {
      const before = answered();
      await until(() => answered() > before + 2 * DEVICES);
      cut.push(...(await withSql(suite.db, (sql) => sql.query<{ name: string }>("select application_name as name from pg_stat_activity where datname = current_database() and application_name like 'flotilla gateway%' and pg_terminate_backend(pid)"))).map((row) => row.name));
    }
  });
  expect(cut.length).toBeGreaterThanOrEqual(5);
});

test("a stop finishes what is in hand and ends at once, also while devices hold connections open", async () => {
  const devices = await devicesOf("stopped");
  await Promise.all(devices.map((device) => device.step(true)));
  const last = devices.map((device) => device.step(true));
  const code = running.stop("SIGTERM");
  await Promise.all(last);
  expect(await code).toBe(0);
  running = await start();
  for (const device of devices) while (device.acked < device.produced) await device.step(false);
  expect(devices.every((device) => device.acked === device.produced)).toBe(true);
});

test("devices that enrol while the gateway is killed and its connections break are let in once each, for one use of their token each", async () => {
  const lanes = Array.from({ length: 6 }, (_, lane) => Array.from({ length: 20 }, (_, i) => new TestDevice(running.url, `newcomer-${lane}-${i}`)));
  const devices = lanes.flat();
  const { view, token } = await withTx(suite.db, (tx) => createEnrollmentToken(tx, systemPrincipal("test"), { maxUses: devices.length }));
  let unanswered = 0;
  const all = Promise.all(lanes.map(async (lane) => {
    for (const device of lane) {
      while (device.deviceId === "") {
        device.url = running.url;
        const answer = await device.enroll(token).catch(() => null);
        if (answer?.status === 200) continue;
        unanswered += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }));
  const letIn = (): number => devices.filter(({ deviceId }) => deviceId !== "").length;
  for (const isKill of [true, false]) {
    const before = letIn();
    await until(() => letIn() > before + lanes.length);
    if (isKill) {
      await running.stop("SIGKILL");
      running = await start();
    } else await withSql(suite.db, (sql) => sql.query("select pg_terminate_backend(pid)::text from pg_stat_activity where datname = current_database() and application_name like 'flotilla gateway%'"));
  }
  await all;
  const { uses } = await suite.db.prisma.enrollmentToken.findUniqueOrThrow({ where: { id: view.id } });
  const rows = await suite.db.prisma.device.findMany({ where: { enrollmentTokenId: view.id } });
  expect({ uses, ids: rows.map(({ id }) => id).toSorted() }).toEqual({ uses: devices.length, ids: devices.map(({ deviceId }) => deviceId).toSorted() });
  expect(unanswered).toBeGreaterThan(0);
  expect(await new TestDevice(running.url, "one-too-many").enroll(token)).toMatchObject({ status: 403, body: { code: "enrollment_token_invalid" } });
});
