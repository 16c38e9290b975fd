import { telemetryBatchSchema } from "@flotilla/protocol";
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import { storeTelemetry, type PeerDevice } from "../testing/gateway-peer.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { memoryFs } from "../testing/memory-fs.ts";
import { createDisk } from "./disk.ts";
import type { ClosedWindow } from "./latency-windows.ts";
import { openLedger } from "./ledger.ts";
import { seededRandom } from "./random.ts";

vi.setConfig({ testTimeout: 120_000 });

const CAP_BYTES = 16 * 2 ** 20;
const SEGMENT_BYTES = 64 * 1024;
const MINUTE_MS = 60_000;
const HOURS = 72;
/** Six series with wide histograms: more than the queue holds. */
const SERIES = 6;
const BUCKETS = Array.from({ length: 110 }, (_, i) => [100 + i, 3]).flat();

test("after 72 hours without a server the disk holds the cap and no more, and the server gets every window or is told that it was dropped", async () => {
  const fs = memoryFs();
  const clock = new ManualClock();
  const ledger = await openLedger({ disk: createDisk("/data", fs), clock, random: seededRandom(1), bootId: "boot", log: pino({ level: "silent" }), capBytes: CAP_BYTES });
  const startOf = new Map<number, number>();
  let largestBytes = 0;
  for (let minute = 0; minute < HOURS * 60; minute += 1) {
    const startMs = clock.monotonicMs();
    clock.advance(MINUTE_MS);
    const windows = Array.from({ length: SERIES }, (_, i): ClosedWindow => {
      startOf.set(minute * SERIES + i + 1, startMs);
      return { buildId: "build", versionId: `version-${i}`, mode: "field", startMs, wallMs: clock.wallMs(), count: 330, errors: 0, sumMs: minute * SERIES + i + 1, minMs: 1, maxMs: 2, buckets: BUCKETS };
    });
    await ledger.append(windows);
    largestBytes = Math.max(largestBytes, [...fs.files.values()].reduce((sum, bytes) => sum + bytes.length, 0));
  }
  const { produced } = ledger.status();
  expect(produced).toBe(HOURS * 60 * SERIES);

  const server: Pick<PeerDevice, "epochs"> = { epochs: new Map() };
  const dice = seededRandom(2);
  let misplaced = 0;
  let sent = 0;
  for (let batch = await ledger.batch(); batch !== null; batch = await ledger.batch()) {
    const received = telemetryBatchSchema.parse(batch);
    // The server's time is its own: it takes away the age and has the minute.
    for (const window of received.windows) if (clock.monotonicMs() - (window.ageMs ?? 0) !== startOf.get(window.seq) || window.sumMs !== window.seq) misplaced += 1;
    sent += 1;
    const luck = dice.uniform();
    if (luck < 0.1) continue; // the request was lost
    const ack = storeTelemetry(server, received);
    if (luck < 0.2) continue; // the answer was lost
    await ledger.acknowledge(ack);
    clock.advance(30_000);
  }
  const [epoch] = server.epochs.values();
  const [stored, dropped] = [epoch?.windows.size ?? 0, epoch?.dropped ?? 0];
  process.stdout.write(`72 hours offline: ${produced} windows produced, ${stored} stored, ${dropped} declared dropped, at most ${largestBytes} bytes on the disk, ${sent} batches\n`);
  expect(stored + dropped).toBe(produced);
  expect(dropped).toBeGreaterThan(0);
  expect(misplaced).toBe(0);
  expect(largestBytes).toBeLessThanOrEqual(CAP_BYTES + SEGMENT_BYTES);
  expect(ledger.status()).toMatchObject({ waiting: 0, acked: produced });
});
