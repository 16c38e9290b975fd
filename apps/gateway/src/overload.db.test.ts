import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GatewayPorts } from "./ports.ts";
import type { TestDevice } from "./testing/test-device.ts";
import { startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

// A gateway with room for few syncs, and a database that takes none for a while: what five times too many devices are told, and
// what everybody else gets meanwhile.

const ROOM = 8;
const METRICS_TOKEN = "m".repeat(32);
let gateway: TestGateway;
let device: TestDevice;
let hold: Promise<void> | null = null;
let largestBatch = 0;
beforeAll(async () => {
  gateway = await startTestGateway({
    maxQueued: ROOM, metricsToken: METRICS_TOKEN,
    wrap: (ports): GatewayPorts => ({
      ...ports,
      applySyncs: async (items) => {
        largestBatch = Math.max(largestBatch, items.length);
        await hold;
        return ports.applySyncs(items);
      },
    }),
  });
  device = await gateway.device("crowd");
  await device.sync();
});
afterAll(() => gateway.stop());

type RawCall = { socket: Socket; answer: Promise<string> };

/** A sync of which only `sent` bytes of the body come. The answer is all that came until the connection ended, or one whole answer. */
function slowSync(sent: number): RawCall & { finish(): void } {
  const { hostname, port } = new URL(gateway.url);
  const body = JSON.stringify(device.request());
  const socket = connect(Number(port), hostname);
  socket.write(`POST /device/v1/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${device.token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, sent)}`);
  const answer = new Promise<string>((resolve) => {
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
      if (text.length >= text.indexOf("\r\n\r\n") + 4 + length) resolve(text);
    });
    socket.on("close", () => resolve(text));
    socket.on("error", () => undefined);
  });
  return { socket, answer, finish: () => socket.write(body.slice(sent)) };
}

const queueLoad = async (): Promise<number> => (await device.call<{ checks: { queueLoad: number } }>("/readyz")).body.checks.queueLoad;
const metrics = async (): Promise<string> => (await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })).text();

describe("five times more syncs than there is room for", () => {
  test("are refused before their body is read, told to come back spread, and hold up nobody else", async () => {
    const gate = Promise.withResolvers<void>();
    hold = gate.promise;
    const { sha256 } = await gateway.store.put(Buffer.from("a model"));
    await gateway.wish(device, sha256);
    // Half of those that got a place are at the database, the others are still sending.
    const admitted = Array.from({ length: ROOM }, (_, i) => slowSync(i % 2 === 0 ? 100_000 : 20));
    await expect.poll(queueLoad).toBe(1);
    const refused = Array.from({ length: 5 * ROOM }, () => slowSync(0));
    const answers = await Promise.all(refused.map((call) => call.answer));
    expect(new Set(answers.map((text) => text.slice(0, 12)))).toEqual(new Set(["HTTP/1.1 429"]));
    const waits = answers.map((text) => Number(/retry-after: (\d+)/i.exec(text)?.[1]));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...waits)).toBeLessThanOrEqual(31);
    // Drawn from an interval of 30 s: 40 draws that fall within 10 s of each other would be one herd again.
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(10);

    const newcomer = await gateway.device("newcomer");
    expect((await newcomer.getToken()).status).toBe(200);
    expect((await device.call("/healthz")).status).toBe(200);
    expect((await device.call("/readyz")).status).toBe(200);
    const artifact = await fetch(`${gateway.url}/device/v1/artifacts/${sha256}`, { headers: { authorization: `Bearer ${device.token}` } });
    expect([artifact.status, await artifact.text()]).toEqual([200, "a model"]);
    expect((await newcomer.sync()).status).toBe(429);
    expect(await metrics()).toMatch(/flotilla_gateway_refused_total\{code="rate_limited"\} 41\n/);

    for (const call of admitted) call.finish();
    hold = null;
    gate.resolve();
    expect((await Promise.all(admitted.map((call) => call.answer))).map((text) => text.slice(0, 12))).toEqual(Array.from({ length: ROOM }, () => "HTTP/1.1 200"));
    for (const { socket } of [...admitted, ...refused]) socket.destroy();
    expect(largestBatch).toBeLessThanOrEqual(ROOM);
    expect((await newcomer.sync()).status).toBe(200);
  });

  test("a device that goes away in the middle of its body, or sends nonsense, gives its place back", async () => {
    for (let round = 0; round < 3; round += 1) {
      const gone = Array.from({ length: ROOM }, () => slowSync(20));
      await expect.poll(queueLoad).toBe(1);
      for (const { socket } of gone) socket.destroy();
      await expect.poll(queueLoad).toBe(0);
      for (let i = 0; i < 2 * ROOM; i += 1) expect((await device.sync({ nonsense: i })).status).toBe(400);
    }
    const answers = await Promise.all(Array.from({ length: ROOM }, () => device.sync()));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
  });
});

test("metrics are for who holds the token, and count syncs, batches, refusals and connections", async () => {
  expect((await device.call("/metrics")).status).toBe(401);
  expect((await device.call("/metrics", { headers: { authorization: `Bearer ${device.token}` } })).status).toBe(401);
  const read = (text: string, name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  const before = await metrics();
  for (let i = 0; i < 3; i += 1) await device.sync();
  const after = await metrics();
  expect(read(after, "flotilla_gateway_syncs_total") - read(before, "flotilla_gateway_syncs_total")).toBe(3);
  expect(read(after, "flotilla_gateway_batch_syncs_sum") - read(before, "flotilla_gateway_batch_syncs_sum")).toBe(3);
  expect(read(after, 'flotilla_gateway_commit_seconds_count\\{outcome="stored"\\}')).toBeGreaterThan(0);
  expect(read(after, "flotilla_gateway_connections")).toBeGreaterThan(0);
  expect(read(after, "flotilla_gateway_queue_load_ratio")).toBe(0);
  expect(read(after, "flotilla_gateway_known_devices")).toBeGreaterThan(0);
});
