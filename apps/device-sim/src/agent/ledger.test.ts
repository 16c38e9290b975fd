import { SYNC_LIMITS, telemetryBatchSchema } from "@flotilla/protocol";
import fc from "fast-check";
import { pino } from "pino";
import { expect, test } from "vitest";
import { storeTelemetry, type PeerDevice } from "../testing/gateway-peer.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { memoryFs } from "../testing/memory-fs.ts";
import { createDisk } from "./disk.ts";
import type { ClosedWindow } from "./latency-windows.ts";
import { openLedger, type Ledger } from "./ledger.ts";
import { systemRandom } from "./random.ts";

const log = pino({ level: "silent" });
let marker = 0;

/** Each window has a mark of its own in `sumMs`, so that a test can tell which ones arrived. */
function aWindow(buckets = 3): ClosedWindow {
  marker += 1;
  const pairs = Array.from({ length: buckets }, (_, i) => [i, 1]).flat();
  return { buildId: "b", versionId: "v", mode: "scheduled", startMs: 0, wallMs: 0, count: buckets, errors: 0, sumMs: marker, minMs: 1, maxMs: 2, buckets: pairs };
}

type Bench = { ledger: Ledger; reopen: () => Promise<Ledger>; fs: ReturnType<typeof memoryFs>; clock: ManualClock };

async function bench(options: { capBytes?: number; fail?: (step: string, path: string) => void } = {}): Promise<Bench> {
  const fs = memoryFs({ fail: (step, path) => options.fail?.(step, path) });
  const clock = new ManualClock();
  const open = (bootId: string) => openLedger({ disk: createDisk("/data", fs), clock, random: systemRandom, bootId, log, capBytes: options.capBytes ?? 2 ** 20 });
  let boots = 1;
  return { ledger: await open("boot-1"), fs, clock, reopen: () => open(`boot-${(boots += 1)}`) };
}

const newServer = (): Pick<PeerDevice, "epochs"> => ({ epochs: new Map() });

async function drain(ledger: Ledger, server: Pick<PeerDevice, "epochs">): Promise<void> {
  for (let batch = await ledger.batch(); batch !== null; batch = await ledger.batch()) await ledger.acknowledge(storeTelemetry(server, telemetryBatchSchema.parse(batch)));
}

test("windows go out with contiguous numbers from 1, and are deleted only when acknowledged", async () => {
  const { ledger } = await bench();
  await ledger.append([aWindow(), aWindow()]);
  const batch = await ledger.batch();
  expect(batch).toMatchObject({ first: 1, last: 2 });
  expect(await ledger.batch()).toEqual(batch);
  await ledger.acknowledge({ epoch: batch?.epoch ?? "", seq: 1 });
  expect(await ledger.batch()).toMatchObject({ first: 2, last: 2 });
  await ledger.acknowledge({ epoch: batch?.epoch ?? "", seq: 2 });
  expect(await ledger.batch()).toBeNull();
});

test("a window of this boot tells its age by the monotonic clock; one of an earlier boot tells none", async () => {
  const { ledger, clock, reopen } = await bench();
  await ledger.append([{ ...aWindow(), startMs: 500 }]);
  clock.advance(1_500);
  expect((await ledger.batch())?.windows[0]?.ageMs).toBe(2_000);
  expect((await (await reopen()).batch())?.windows[0]?.ageMs).toBeNull();
});

test("numbers go on after a restart, also when everything was acknowledged and deleted", async () => {
  const { ledger, reopen } = await bench();
  const server = newServer();
  await ledger.append([aWindow(), aWindow(), aWindow()]);
  await drain(ledger, server);
  const again = await reopen();
  await again.append([aWindow()]);
  expect(await again.batch()).toMatchObject({ first: 4, last: 4 });
});

test("an overflowing queue keeps to its cap and declares exactly what it dropped", async () => {
  const capBytes = 8_192;
  const { ledger, fs } = await bench({ capBytes });
  const server = newServer();
  for (let i = 0; i < 400; i += 1) await ledger.append([aWindow()]);
  const segments = [...fs.files].filter(([name]) => name.endsWith(".jsonl"));
  expect(segments.reduce((sum, [, bytes]) => sum + bytes.length, 0)).toBeLessThanOrEqual(capBytes + 2_048);
  await drain(ledger, server);
  const [epoch] = server.epochs.values();
  expect(epoch?.dropped).toBeGreaterThan(0);
  expect((epoch?.windows.size ?? 0) + (epoch?.dropped ?? 0)).toBe(400);
  expect(epoch?.watermark).toBe(400);
});

test("a batch keeps within the protocol's limits however many and however large the windows are", async () => {
  const { ledger } = await bench({ capBytes: 2 ** 24 });
  for (let i = 0; i < 10; i += 1) await ledger.append(Array.from({ length: 100 }, () => aWindow(i % 2 === 0 ? 393 : 1)));
  const server = newServer();
  for (let batch = await ledger.batch(); batch !== null; batch = await ledger.batch()) {
    expect(batch.windows.length).toBeLessThanOrEqual(SYNC_LIMITS.windows);
    expect(JSON.stringify(batch).length).toBeLessThan(SYNC_LIMITS.bodyBytes - 16_384);
    await ledger.acknowledge(storeTelemetry(server, telemetryBatchSchema.parse(batch)));
  }
  expect([...server.epochs.values()][0]?.windows.size).toBe(1_000);
});

test("a damaged line in the middle of the queue is declared dropped, the windows around it arrive", async () => {
  const { ledger, fs, reopen } = await bench();
  await ledger.append([aWindow(), aWindow(), aWindow()]);
  const [name, bytes] = [...fs.files].find(([file]) => file.endsWith(".jsonl")) ?? ["", new Uint8Array()];
  const lines = Buffer.from(bytes).toString().split("\n");
  fs.files.set(name, Buffer.from([lines[0], "#".repeat(40), lines[2], ""].join("\n")));
  const batch = await (await reopen()).batch();
  expect(batch).toMatchObject({ first: 1, last: 3, dropped: [[2, 2]] });
  expect(batch?.windows.map((w) => w.seq)).toEqual([1, 3]);
});

test("half a line that a crash left at the end is not sent, and its number is used for a later window", async () => {
  const { ledger, fs, reopen } = await bench();
  await ledger.append([aWindow(), aWindow()]);
  const [name, bytes] = [...fs.files].find(([file]) => file.endsWith(".jsonl")) ?? ["", new Uint8Array()];
  fs.files.set(name, bytes.slice(0, bytes.length - 10));
  const again = await reopen();
  const late = aWindow();
  await again.append([late]);
  const batch = await again.batch();
  expect(batch).toMatchObject({ first: 1, last: 2 });
  expect(batch?.windows[1]?.sumMs).toBe(late.sumMs);
});

test("a line break that a power cut took with it gives no number twice", async () => {
  const { ledger, fs, reopen } = await bench();
  await ledger.append([aWindow(), aWindow(), aWindow()]);
  const [name, bytes] = [...fs.files].find(([file]) => file.endsWith(".jsonl")) ?? ["", new Uint8Array()];
  const lines = Buffer.from(bytes).toString().split("\n");
  fs.files.set(name, Buffer.from(`${"\0".repeat((lines[0]?.length ?? 0) + 1)}${lines[1]}\n${lines[2]}\n`));
  const again = await reopen();
  const late = aWindow();
  await again.append([late]);
  const server = newServer();
  await drain(again, server);
  const [epoch] = server.epochs.values();
  expect(epoch?.watermark).toBe(4);
  expect(epoch?.windows.get(4)?.sumMs).toBe(late.sumMs);
});

test("a server that forgot acknowledged windows is told that they are gone, and the count stays exact", async () => {
  const { ledger } = await bench();
  await ledger.append([aWindow(), aWindow(), aWindow()]);
  await drain(ledger, newServer());
  const { epoch } = ledger.status();
  await ledger.append([aWindow()]);
  await ledger.acknowledge({ epoch, seq: 1 });
  const restored = newServer();
  restored.epochs.set(epoch, { watermark: 1, windows: new Map(), dropped: 0 });
  const batch = await ledger.batch();
  expect(batch).toMatchObject({ first: 2, last: 4, dropped: [[2, 3]] });
  await drain(ledger, restored);
  expect(restored.epochs.get(epoch)).toMatchObject({ watermark: 4, dropped: 2 });
});

test("a server that knows more than this device ever made gets a new epoch instead of clashing numbers", async () => {
  const { ledger } = await bench();
  await ledger.append([aWindow()]);
  const { epoch } = ledger.status();
  await ledger.acknowledge({ epoch, seq: 900 });
  await ledger.append([aWindow()]);
  const batch = await ledger.batch();
  expect(batch?.epoch).not.toBe(epoch);
  expect(batch).toMatchObject({ first: 1, last: 1 });
});

test("an acknowledgement of another epoch changes nothing", async () => {
  const { ledger } = await bench();
  await ledger.append([aWindow(), aWindow()]);
  const before = await ledger.batch();
  await ledger.acknowledge({ epoch: "0000000000000000", seq: 2 });
  await ledger.acknowledge({ epoch: "0000000000000000", seq: 900 });
  expect(await ledger.batch()).toEqual(before);
});

test("half a line that a full disk left behind spoils no window after it, before and after a restart", async () => {
  let full = false;
  const { ledger, fs, reopen } = await bench({ fail: (step, path) => {
    if (!full || step !== "appendFile") return;
    fs.files.set(path, Buffer.concat([fs.files.get(path) ?? new Uint8Array(), Buffer.from('{"seq":2,"bo')]));
    throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
  } });
  await ledger.append([aWindow()]);
  full = true;
  await ledger.append([aWindow()]);
  full = false;
  await ledger.append([aWindow()]);
  for (const open of [ledger, await reopen()]) expect((await open.batch())?.windows.map((w) => w.seq)).toEqual([1, 2, 3]);
});

test("windows wait in memory while the disk takes none, and arrive once it does", async () => {
  let full = false;
  const { ledger } = await bench({ fail: (step) => {
    if (full && step === "appendFile") throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
  } });
  await ledger.append([aWindow()]);
  full = true;
  for (let i = 0; i < 200; i += 1) await ledger.append([aWindow()]);
  full = false;
  await ledger.append([aWindow()]);
  const server = newServer();
  await drain(ledger, server);
  const [epoch] = server.epochs.values();
  expect(epoch?.windows.size).toBe(121 + 1);
  expect((epoch?.windows.size ?? 0) + (epoch?.dropped ?? 0)).toBe(202);
});

const commands = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("append" as const), n: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("sync" as const), lost: fc.constantFrom("none", "request", "answer") }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("resend" as const) }) },
  ),
  { maxLength: 80 },
);

test("whatever is lost, repeated or restarted: produced = stored + declared dropped, and nothing is stored twice", async () => {
  await fc.assert(
    fc.asyncProperty(commands, async (list) => {
      const { ledger: first, reopen } = await bench({ capBytes: 3_000 });
      const server = newServer();
      let ledger = first;
      let produced = 0;
      let sent: Awaited<ReturnType<Ledger["batch"]>> = null;
      const sums = new Set<number>();
      for (const command of list) {
        if (command.kind === "append") {
          const windows = Array.from({ length: command.n }, () => aWindow());
          for (const window of windows) sums.add(window.sumMs);
          produced += windows.length;
          await ledger.append(windows);
        } else if (command.kind === "restart") ledger = await reopen();
        else if (command.kind === "resend") {
          if (sent !== null) storeTelemetry(server, sent);
        } else {
          sent = await ledger.batch();
          if (sent === null || command.lost === "request") continue;
          const ack = storeTelemetry(server, telemetryBatchSchema.parse(sent));
          if (command.lost !== "answer") await ledger.acknowledge(ack);
        }
      }
      await drain(ledger, server);
      const epochs = [...server.epochs.values()];
      expect(epochs.length).toBeLessThanOrEqual(1);
      expect((epochs[0]?.windows.size ?? 0) + (epochs[0]?.dropped ?? 0)).toBe(produced);
      const stored = [...(epochs[0]?.windows.values() ?? [])].map((w) => w.sumMs);
      expect(new Set(stored).size).toBe(stored.length);
      expect(stored.every((sum) => sums.has(sum))).toBe(true);
      expect(ledger.status()).toMatchObject({ waiting: 0, acked: produced });
    }),
    { numRuns: 150 },
  );
});
