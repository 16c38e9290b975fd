import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNet, NetworkError, type Net } from "../agent/net.ts";
import { seededRandom } from "../agent/random.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { faultyNet } from "./faulty-net.ts";
import { networkSchema } from "./scenario.ts";

const bytes = Buffer.alloc(300_000, 7);
let server: Server;
let handled = 0;
const opened: Net[] = [];

beforeAll(async () => {
  server = createServer((_request, response) => {
    handled += 1;
    response.writeHead(200, { "content-length": bytes.length }).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
});
afterAll(async () => {
  for (const net of opened) await net.close();
  await new Promise((resolve) => server.close(resolve));
});

function netWith(network: object, options: { clock?: ManualClock; corruptPercent?: number; seed?: number } = {}): Net {
  const net = createNet(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  opened.push(net);
  const clock = options.clock ?? new ManualClock();
  return faultyNet(net, { network: networkSchema.parse(network), clock, random: seededRandom(options.seed ?? 1), startMs: clock.now, corruptPercent: () => options.corruptPercent ?? 0 });
}

async function bodyOf(net: Net, path: string): Promise<Buffer> {
  const response = await net.request({ method: "GET", path, timeoutMs: 5_000 });
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const digest = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");
const artifact = "/device/v1/artifacts/x";

test("a network without faults changes nothing", async () => {
  expect(digest(await bodyOf(netWith({}), artifact))).toBe(digest(bytes));
});

test("a corrupted download has its full length and one wrong byte; other calls are left alone", async () => {
  const net = netWith({}, { corruptPercent: 100 });
  const got = await bodyOf(net, artifact);
  expect(got.length).toBe(bytes.length);
  expect(got.filter((byte) => byte !== 7)).toHaveLength(1);
  expect(digest(await bodyOf(net, "/device/v1/nonce"))).toBe(digest(bytes));
});

test("a lost call fails, and about half of the lost ones had reached the server", async () => {
  const net = netWith({ lossPercent: 100 });
  const before = handled;
  for (let i = 0; i < 40; i += 1) await expect(net.request({ method: "GET", path: "/device/v1/nonce", timeoutMs: 5_000 })).rejects.toBeInstanceOf(NetworkError);
  expect(handled - before).toBeGreaterThan(8);
  expect(handled - before).toBeLessThan(32);
});

test("a lost download breaks off after a part of its bytes", async () => {
  const response = await netWith({ lossPercent: 100 }).request({ method: "GET", path: artifact, timeoutMs: 5_000 });
  let got = 0;
  await expect((async () => {
    for await (const chunk of response.body) got += chunk.length;
  })()).rejects.toBeInstanceOf(NetworkError);
  expect(got).toBeLessThan(bytes.length);
});

test("offline windows come at their time, last as long as they say, and repeat", async () => {
  const clock = new ManualClock();
  const net = netWith({ offlineWindows: [{ afterMs: 1_000, durationMs: 500, everyMs: 2_000 }] }, { clock });
  const states: boolean[] = [];
  for (const step of [999, 1, 499, 1, 1_499, 1, 500]) {
    clock.advance(step);
    states.push(await net.request({ method: "GET", path: "/", timeoutMs: 5_000 }).then((r) => r.discard()).then(() => true, () => false));
  }
  expect(states).toEqual([true, false, false, true, true, false, true]);
});
