import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { expect, test } from "vitest";
import { benchForEachTest } from "../testing/bench.ts";
import { targetFor } from "../testing/build-on-peer.ts";

const bench = benchForEachTest();

test("a device makes its key once, keeps it for itself, and is the same device after a restart", async () => {
  await bench.start();
  const { id, publicKey } = await bench.device();
  const key = join(bench.dataDir, "device-key.pem");
  expect((await stat(key)).mode & 0o777).toBe(0o600);
  const before = await readFile(key, "utf8");
  await bench.stopAll();
  bench.peer.enrollmentTokens.clear();
  await bench.start();
  const device = await bench.device();
  const syncs = device.syncs.length;
  await bench.peer.until("it syncs again", () => device.syncs.length > syncs);
  expect(bench.peer.devices.size).toBe(1);
  expect(device).toMatchObject({ id, publicKey });
  expect(await readFile(key, "utf8")).toBe(before);
  expect(bench.peer.requests.filter((line) => line.endsWith("/enroll"))).toHaveLength(1);
});

test("an expired access token is renewed at once, and no report is lost", async () => {
  await bench.start();
  const device = await bench.device();
  const tokensBefore = bench.peer.requests.filter((line) => line.endsWith("/token")).length;
  bench.peer.expireTokens();
  const syncs = device.syncs.length;
  await bench.peer.until("it syncs with a new token", () => device.syncs.length > syncs + 2);
  expect(bench.peer.requests.filter((line) => line.endsWith("/token"))).toHaveLength(tokensBefore + 1);
});

test("a token is renewed before its time is up, without a refused call", async () => {
  bench.peer.tokenLifeSeconds = 1;
  bench.peer.tokenDiesEarlyMs = 300;
  await bench.start();
  const device = await bench.device();
  await bench.peer.until("three tokens were used", () => bench.peer.requests.filter((line) => line.endsWith("/token")).length >= 3);
  const tokens = bench.peer.requests.filter((line) => line.endsWith("/token")).length;
  const syncCalls = bench.peer.requests.filter((line) => line.endsWith("/sync")).length;
  expect(syncCalls - device.syncs.length).toBeLessThanOrEqual(1);
  expect(tokens).toBeLessThan(device.syncs.length);
});

test("a refused enrolment token ends the agent with the server's sentence", async () => {
  const agent = await bench.start({ settings: { enrollmentToken: "wrong" } });
  await expect(agent.enrolled).rejects.toMatchObject({ code: "enrollment_token_invalid", public: "the enrolment token is not valid" });
});

test("without an enrolment token an agent that is not enrolled says what it needs", async () => {
  const agent = await bench.start({ settings: { enrollmentToken: null } });
  await expect(agent.enrolled).rejects.toThrow("give an enrolment token");
});

test("a name that is known with another key waits for a person, and goes on once the key is approved", async () => {
  bench.peer.devices.set("device-1", { id: "device-1", name: "bench-1", publicKey: "other", revoked: false, target: null, commands: [], syncs: [], epochs: new Map() });
  const agent = await bench.start();
  await bench.peer.until("it waits", () => agent.status().standing === "pending");
  const device = bench.peer.device("bench-1");
  expect(device.syncs).toHaveLength(0);
  device.publicKey = agent.status().publicKey;
  await agent.enrolled;
  await bench.peer.until("it syncs", () => device.syncs.length > 0);
});

test("a revoked device says so, keeps inferring, and leaves the server alone for minutes", async () => {
  const lines: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const agent = await bench.start({ ports: { log } });
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await bench.peer.until("the model runs", () => (agent.status().model?.inferences ?? 0) > 0);
  device.revoked = true;
  await bench.peer.until("it knows", () => agent.status().standing === "revoked");
  expect(lines.some((line) => line.includes("device_revoked"))).toBe(true);
  const inferences = agent.status().model?.inferences ?? 0;
  await bench.peer.until("it still infers", () => (agent.status().model?.inferences ?? 0) > inferences + 3);
  const calls = bench.peer.requests.length;
  await bench.peer.until("some more inferences", () => (agent.status().model?.inferences ?? 0) > inferences + 20);
  expect(bench.peer.requests.length - calls).toBeLessThanOrEqual(1);
});

test("a server that does not know the device any more gets it enrolled again", async () => {
  await bench.start();
  await bench.device();
  bench.peer.devices.clear();
  bench.peer.expireTokens();
  await bench.peer.until("it is enrolled again", () => (bench.peer.devices.size === 1 ? bench.peer.device("bench-1").syncs.length : 0));
  expect(bench.peer.requests.filter((line) => line.endsWith("/enroll"))).toHaveLength(2);
});

test("a device that a restored server has forgotten enrols as another one, although its access token has not expired", async () => {
  await bench.start();
  const before = await bench.device();
  bench.peer.devices.clear();
  bench.peer.devices.set("device-7", { ...before, id: "device-7", name: "somebody else", publicKey: "other", syncs: [], epochs: new Map() });
  await bench.peer.until("it syncs as a new device", () => (bench.peer.devices.size === 2 ? bench.peer.device("bench-1").syncs.length > 2 : false));
  expect(bench.peer.requests.filter((line) => line.endsWith("/enroll"))).toHaveLength(2);
});

test("a server that is away or overloaded is asked again later, after the time it names", async () => {
  let refused = 0;
  bench.peer.interfere = (_method, path) => {
    if (!path.endsWith("/sync") || refused >= 2) return "pass";
    refused += 1;
    return refused === 1 ? { status: 503, code: "overloaded", retryAfter: 0 } : "refuse";
  };
  const agent = await bench.start();
  const device = await bench.device();
  expect(refused).toBe(2);
  await bench.peer.until("all is well again", () => agent.status().connection.failures === 0);
  expect(device.syncs.length).toBeGreaterThan(0);
});
