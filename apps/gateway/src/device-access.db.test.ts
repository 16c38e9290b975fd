import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withTx } from "@flotilla/db";
import { approveKeyChange, denyKeyChange, forgetNonces, listAudit, revokeDevice, systemPrincipal } from "@flotilla/fleet";
import { tokenProof } from "@flotilla/protocol";
import { createGateway } from "./create-gateway.ts";
import { deviceTokens } from "./device-token.ts";
import { TestDevice } from "./testing/test-device.ts";
import { startTestGateway, testSecrets, type TestGateway } from "./testing/test-gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.stop());

const admin = systemPrincipal("test");
const audit = (deviceId: string) => withTx(gateway.db, (tx) => listAudit(tx, admin, { objectId: deviceId })).then((page) => page.items.map((row) => row.action));

describe("enrolment", () => {
  test("a device enrols, gets a token and syncs", async () => {
    const device = new TestDevice(gateway.url, "happy");
    const token = await gateway.enrollmentToken({ labels: { site: "lab" } });
    expect(await device.enroll(token, { labels: { site: "wrong", shelf: "3", class: "lie" } })).toMatchObject({ status: 200, body: { name: "happy" } });
    expect(await device.getToken()).toMatchObject({ status: 200, body: { expiresInSeconds: 900 } });
    const answer = await device.sync(device.request(device.windows(2)));
    expect(answer).toMatchObject({ status: 200, body: { ack: { epoch: "0123456789abcdef", seq: 2 }, commands: [] } });
    expect(answer.body.syncAfterMs).toBeGreaterThanOrEqual(15_000);
    expect(answer.body.syncAfterMs).toBeLessThanOrEqual(45_000);
    const row = await gateway.db.prisma.device.findUniqueOrThrow({ where: { id: device.deviceId } });
    expect(row.labels).toEqual({ site: "lab", shelf: "3", class: "pi4", arch: "arm64" });
    expect(await audit(device.deviceId)).toEqual(["device.enroll"]);
  });

  test("a token for n devices admits n, however many ask at once; asking again is the same device", async () => {
    const token = await gateway.enrollmentToken({ maxUses: 3 });
    const devices = Array.from({ length: 8 }, (_, i) => new TestDevice(gateway.url, `race-${i}`));
    const answers = await Promise.all(devices.map((device) => device.enroll(token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body.code))).toEqual(new Set(["enrollment_token_invalid"]));
    const admitted = devices.find((device) => device.deviceId !== "");
    const first = admitted?.deviceId;
    expect(await admitted?.enroll(token)).toMatchObject({ status: 200, body: { deviceId: first } });
  });

  test("one name asked for by one key many times at once is one device", async () => {
    const token = await gateway.enrollmentToken();
    const device = new TestDevice(gateway.url, "impatient");
    const answers = await Promise.all(Array.from({ length: 6 }, () => device.enroll(token)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.deviceId}`)).size).toBe(1);
  });

  test("unknown, withdrawn and forged tokens let nobody in", async () => {
    for (const token of ["fet_x", `fet_${"A".repeat(43)}`]) {
      expect(await new TestDevice(gateway.url, "stranger").enroll(token)).toMatchObject({ status: 403, body: { code: "enrollment_token_invalid" } });
    }
  });

  test("without proof of the key there is no enrolment, and a nonce works once", async () => {
    const token = await gateway.enrollmentToken();
    const device = new TestDevice(gateway.url, "liar");
    expect(await device.enroll(token, { signature: device.signed(Buffer.from("something else")) })).toMatchObject({ status: 403, body: { code: "proof_invalid" } });
    const known = await gateway.device("replayed");
    const request = { deviceId: known.deviceId, nonce: await known.nonce() };
    const signed = { ...request, signature: known.signed(tokenProof(request)) };
    expect((await known.post("/device/v1/token", signed)).status).toBe(200);
    expect(await known.post("/device/v1/token", signed)).toMatchObject({ status: 403, body: { code: "proof_invalid" } });
    expect(await known.post("/device/v1/token", { ...signed, nonce: "n1.9999999999.abc.def" })).toMatchObject({ status: 403, body: { code: "proof_invalid" } });
  });
});

describe("a known name with another key", () => {
  test("waits for a person, takes nothing over by itself, and is let in once approved; the old key is then worth nothing", async () => {
    const old = await gateway.device("kitchen");
    const fresh = new TestDevice(gateway.url, "kitchen");
    const token = await gateway.enrollmentToken({ maxUses: 1 });
    expect(await fresh.enroll(token)).toMatchObject({ status: 409, body: { code: "key_change_pending" } });
    expect(await fresh.enroll(token)).toMatchObject({ status: 409, body: { code: "key_change_pending" } });
    expect((await old.sync()).status).toBe(200);
    expect(await gateway.db.prisma.deviceKeyChange.count({ where: { deviceId: old.deviceId } })).toBe(1);
    await withTx(gateway.db, (tx) => approveKeyChange(tx, admin, { deviceId: old.deviceId }));
    expect(await fresh.enroll(token)).toMatchObject({ status: 200, body: { deviceId: old.deviceId } });
    await expect.poll(async () => (await fresh.getToken()).status, { timeout: 10_000 }).toBe(200);
    expect((await fresh.sync()).status).toBe(200);
    expect(await old.sync()).toMatchObject({ status: 401, body: { code: "token_expired" } });
    expect(await old.getToken()).toMatchObject({ status: 403, body: { code: "proof_invalid" } });
    expect(await audit(old.deviceId)).toEqual(["device.key_change_approved", "device.key_change_requested", "device.enroll"]);
  });

  test("needs an enrolment token to ask, and is refused for good once denied", async () => {
    const old = await gateway.device("cellar");
    const fresh = new TestDevice(gateway.url, "cellar");
    expect(await fresh.enroll(`fet_${"A".repeat(43)}`)).toMatchObject({ status: 403, body: { code: "enrollment_token_invalid" } });
    await fresh.enroll(await gateway.enrollmentToken());
    await withTx(gateway.db, (tx) => denyKeyChange(tx, admin, { deviceId: old.deviceId }));
    expect(await fresh.enroll(await gateway.enrollmentToken())).toMatchObject({ status: 403, body: { code: "forbidden" } });
    expect((await old.sync()).status).toBe(200);
  });
});

describe("access tokens", () => {
  test("expired, foreign and damaged ones are refused", async () => {
    const device = await gateway.device("tokens");
    const { token } = device;
    const long = Date.now() - 16 * 60_000;
    const bad: [string, string][] = [
      [deviceTokens(testSecrets.deviceTokenSecret).sign({ deviceId: device.deviceId, generation: 1 }, long), "token_expired"],
      [deviceTokens("x".repeat(32)).sign({ deviceId: device.deviceId, generation: 1 }, Date.now()), "token_expired"],
      [deviceTokens(testSecrets.deviceTokenSecret).sign({ deviceId: "dev_unknown", generation: 1 }, Date.now()), "device_unknown"],
      [deviceTokens(testSecrets.deviceTokenSecret).sign({ deviceId: device.deviceId, generation: 2 }, Date.now()), "token_expired"],
      [`${token.slice(0, -2)}xx`, "unauthenticated"],
      [token.replace(device.deviceId, "dev_other"), "unauthenticated"],
      ["", "unauthenticated"],
      ["a".repeat(5000), "unauthenticated"],
    ];
    for (const [forged, code] of bad) {
      device.token = forged;
      expect(await device.sync(), forged.slice(0, 40)).toMatchObject({ status: 401, body: { code } });
    }
    device.token = token;
    expect((await device.sync()).status).toBe(200);
  });

  test("of many calls with one signed nonce, at two gateways at once, one gets a token", async () => {
    const device = await gateway.device("raced");
    const second = createGateway({ ports: gateway.ports, store: gateway.store, log: pino({ level: "silent" }), syncIntervalMs: 30_000, ...testSecrets });
    const url = await second.listen(0, "127.0.0.1");
    try {
      const request = { deviceId: device.deviceId, nonce: await device.nonce() };
      const body = JSON.stringify({ ...request, signature: device.signed(tokenProof(request)) });
      const calls = Array.from({ length: 12 }, (_, i) => fetch(`${i % 2 === 0 ? url : gateway.url}/device/v1/token`, { method: "POST", headers: { "content-type": "application/json" }, body }));
      const statuses = (await Promise.all(calls)).map(({ status }) => status).toSorted((a, b) => a - b);
      expect(statuses).toEqual([200, ...Array.from({ length: 11 }, () => 403)]);
    } finally {
      await second.close();
    }
  });

  test("a nonce with a wrong signature is not used up, and used ones are forgotten after their time", async () => {
    const device = await gateway.device("careful");
    const request = { deviceId: device.deviceId, nonce: await device.nonce() };
    expect(await device.post("/device/v1/token", { ...request, signature: device.signed(Buffer.from("other")) })).toMatchObject({ status: 403 });
    expect(await device.post("/device/v1/token", { ...request, signature: device.signed(tokenProof(request)) })).toMatchObject({ status: 200 });
    const known = await gateway.db.prisma.usedNonce.count();
    await withTx(gateway.db, (tx) => forgetNonces(tx));
    expect(await gateway.db.prisma.usedNonce.count()).toBe(known);
    await withTx(gateway.db, (tx) => forgetNonces(tx, new Date(Date.now() + 15 * 60_000)));
    expect(await gateway.db.prisma.usedNonce.count()).toBe(0);
  });

  test("a revoked device is refused within 2 s, everywhere", async () => {
    const device = await gateway.device("stolen");
    expect((await device.sync()).status).toBe(200);
    await withTx(gateway.db, (tx) => revokeDevice(tx, admin, { deviceId: device.deviceId, reason: "stolen" }));
    const sinceMs = performance.now();
    await expect.poll(async () => (await device.sync()).body.code, { timeout: 2_000, interval: 20 }).toBe("device_revoked");
    process.stdout.write(`revocation bit after ${Math.round(performance.now() - sinceMs)} ms\n`);
    expect(await device.getToken()).toMatchObject({ status: 403, body: { code: "device_revoked" } });
    expect(await device.enroll(await gateway.enrollmentToken())).toMatchObject({ status: 403, body: { code: "device_revoked" } });
    expect((await device.call(`/device/v1/artifacts/${"0".repeat(64)}`, { headers: { authorization: `Bearer ${device.token}` } })).status).toBe(403);
  });
});
