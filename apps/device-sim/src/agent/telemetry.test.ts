import { expect, test } from "vitest";
import { TEST_CLASS } from "../testing/agent-on-peer.ts";
import { benchForEachTest } from "../testing/bench.ts";
import { targetFor } from "../testing/build-on-peer.ts";
import type { PeerDevice } from "../testing/gateway-peer.ts";

const bench = benchForEachTest();

function totals(device: PeerDevice): { windows: number; dropped: number; watermark: number; samples: number } {
  const [epoch, ...others] = device.epochs.values();
  expect(others).toEqual([]);
  const windows = [...(epoch?.windows.values() ?? [])];
  return { windows: windows.length, dropped: epoch?.dropped ?? 0, watermark: epoch?.watermark ?? 0, samples: windows.reduce((sum, w) => sum + w.count, 0) };
}

test("with lost answers and lost requests every window arrives exactly once, and the samples add up to the inferences made", async () => {
  let n = 0;
  bench.peer.interfere = (_method, path) => {
    if (!path.endsWith("/sync")) return "pass";
    n += 1;
    return n % 3 === 0 ? "lose" : n % 3 === 1 ? { status: 503, code: "overloaded", retryAfter: 0 } : "pass";
  };
  const agent = await bench.start();
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await bench.peer.until("windows have arrived", () => totals(device).windows >= 8);
  // A clean stop writes the last, unfinished window, if anything was inferred since the one before; the next start sends it.
  const before = agent.status();
  await bench.stopAll();
  bench.peer.interfere = () => "pass";
  const again = await bench.start({ settings: { inferenceIntervalMs: 0 } });
  await bench.peer.until("the queue is empty", () => {
    const { produced, acked } = again.status().telemetry;
    return produced >= before.telemetry.produced && acked === produced;
  });
  const { produced } = again.status().telemetry;
  expect(totals(device)).toMatchObject({ windows: produced, dropped: 0, watermark: produced });
  expect(totals(device).samples).toBeGreaterThanOrEqual(before.model?.inferences ?? 1);
  const batches = device.syncs.filter((sync) => sync.telemetry !== undefined);
  expect(batches.length).toBeGreaterThan(new Set(batches.map((sync) => sync.telemetry?.first)).size);
});

test("without a server the queue keeps to its cap, and what it dropped is declared when the server is back", async () => {
  let offline = false;
  bench.peer.interfere = (_method, path) => (offline && path.endsWith("/sync") ? { status: 503, code: "overloaded", retryAfter: 0 } : "pass");
  const agent = await bench.start({ settings: { windowMs: 20, inferenceIntervalMs: 5, ledgerCapBytes: 2_500 } });
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await bench.peer.until("the first window arrives", () => totals(device).windows > 0);
  offline = true;
  const { produced } = agent.status().telemetry;
  await bench.peer.until("the queue overflows", () => agent.status().telemetry.produced > produced + 60);
  expect(agent.status().telemetry.sizeBytes).toBeLessThan(2_500 + 2_048);
  offline = false;
  await bench.peer.until("all is told", () => totals(device).dropped > 0 && agent.status().telemetry.acked >= produced + 60);
  const { windows, dropped, watermark } = totals(device);
  expect(windows + dropped).toBe(watermark);
});

const modesOf = (device: PeerDevice): Set<string> => new Set([...device.epochs.values()].flatMap((epoch) => [...epoch.windows.values()].map((w) => w.mode)));

async function inferOnce(url: string | null): Promise<void> {
  const body = JSON.stringify({ inputs: { image: { shape: [1, 1, 28, 28], data: Array.from({ length: 784 }, () => 0) } } });
  const answer = await fetch(url ?? "", { method: "POST", headers: { "content-type": "application/json" }, body });
  expect(answer.status).toBe(200);
}

test("a real device keeps its own loop and the programs on the machine apart", async () => {
  const agent = await bench.start({ settings: { inferPort: 0 } });
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await bench.peer.until("it runs", () => agent.status().model?.live);
  await inferOnce(agent.inferUrl);
  await bench.peer.until("both modes arrive", () => modesOf(device).size === 2);
  expect(modesOf(device)).toEqual(new Set(["scheduled", "field"]));
});

test("a simulated device marks every window as simulated", async () => {
  const agent = await bench.start({ settings: { inferPort: 0, deviceClass: { ...TEST_CLASS, simulated: true } } });
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await bench.peer.until("it runs", () => agent.status().model?.live);
  await inferOnce(agent.inferUrl);
  const { produced } = agent.status().telemetry;
  await bench.peer.until("windows arrive", () => totals(device).watermark > produced + 2);
  expect(modesOf(device)).toEqual(new Set(["simulated"]));
});

test("a batch that the server refuses for ever does not cut the device off from its targets", async () => {
  const agent = await bench.start();
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await bench.peer.until("windows arrive", () => totals(device).windows > 0);
  bench.peer.refuseTelemetry = true;
  const { produced } = agent.status().telemetry;
  await bench.peer.until("more windows are made", () => agent.status().telemetry.produced > produced + 1);
  device.target = targetFor(await bench.publish("b"), 2);
  await bench.peer.until("the new build runs", () => agent.status().deployment?.phase === "succeeded" && agent.status().targetVersion === 2);
  bench.peer.refuseTelemetry = false;
  await bench.peer.until("the queue is taken again", () => totals(device).watermark > produced + 1);
  expect(totals(device).dropped).toBe(0);
});
