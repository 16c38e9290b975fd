import { createHash, createHmac } from "node:crypto";
import { LatencyHistogram, PROTOCOL_VERSION } from "@flotilla/protocol";

// Syncs as bytes, made before the clock runs: the generator shares the machine with what it measures, so a request must cost
// it little more than its write. Numbers that change have room of fixed width; JSON takes the blanks in front of them.

const SEQ_WIDTH = 9;
const BLANK = " ".repeat(SEQ_WIDTH);
const HISTOGRAMS = 64;
const SAMPLES_PER_WINDOW = 120;
export const BENCH_EPOCH = "0123456789abcdef";

/** One device's sync: its bytes, and where the sequence number of its window stands in them (three times). */
export type SyncBytes = { bytes: Buffer; seqAt: readonly number[]; seq: number };

/** Writes the next sequence number into the request and answers it. */
export function nextSeq(sync: SyncBytes): number {
  sync.seq += 1;
  const digits = String(sync.seq).padStart(SEQ_WIDTH, " ");
  for (const at of sync.seqAt) sync.bytes.write(digits, at, SEQ_WIDTH, "latin1");
  return sync.seq;
}

/** An access token as the gateway signs them (15 minutes), so that a million devices need no handshake each. */
export function benchToken(secret: string, deviceId: string, lifeSeconds = 900): string {
  const keyId = createHash("sha256").update(`flotilla device token key\n${secret}`).digest("hex").slice(0, 8);
  const body = `fdt1.${keyId}.${deviceId}.1.${Math.floor(Date.now() / 1000) + lifeSeconds}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}

/** A full sync of a device that runs a build: report, both slots, and one window of 120 samples. */
export function syncBytes(options: { path: string; host: string; deviceId: string; token: string; index: number; seq: number }): SyncBytes {
  const body = bodyOf(options.index);
  const head = `POST ${options.path} HTTP/1.1\r\nhost: ${options.host}\r\ncontent-type: application/json\r\nauthorization: Bearer ${options.token}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const bytes = Buffer.from(head + body, "latin1");
  const seqAt: number[] = [];
  for (let at = bytes.indexOf(BLANK); at >= 0; at = bytes.indexOf(BLANK, at + SEQ_WIDTH)) seqAt.push(at);
  return { bytes, seqAt, seq: options.seq };
}

const bodies: string[] = [];

function bodyOf(index: number): string {
  return (bodies[index % HISTOGRAMS] ??= makeBody(index % HISTOGRAMS));
}

function makeBody(index: number): string {
  const window = windowOf(index);
  const slots = [
    { slot: "a", state: "active", buildId: "bld_bench", manifestSha256: "a".repeat(64) },
    { slot: "b", state: "ready", buildId: "bld_before", manifestSha256: "b".repeat(64) },
  ];
  const report = {
    agentVersion: "0.1.0", targetVersion: 0, running: { buildId: "bld_bench", manifestSha256: "a".repeat(64), versionId: "ver_bench", modelSha256: "c".repeat(64), runningForMs: 86_400_000 }, slots,
    class: { name: "pi4", arch: "arm64", isa: ["neon"], runtime: { name: "onnxruntime-node", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 4_294_967_296, simulated: true },
    resources: { rssBytes: 82_313_216, freeMemoryBytes: 2_913_845_248, freeDiskBytes: 11_274_289_152, queuedWindows: 0, temperatureC: 51.5 },
  };
  const telemetry = { epoch: BENCH_EPOCH, first: "@", last: "@", windows: [{ seq: "@", ...window }] };
  return JSON.stringify({ protocol: PROTOCOL_VERSION, bootId: "bench-boot-1", report, telemetry }).replaceAll('"@"', BLANK);
}

/** Latencies as inference gives them: log-normal around 5 ms with a tail of 2 %; the same for the same index. */
function windowOf(index: number): object {
  let state = index + 1;
  const uniform = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const histogram = new LatencyHistogram();
  for (let i = 0; i < SAMPLES_PER_WINDOW; i += 1) {
    const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    histogram.add(5 * Math.exp(0.15 * normal) * (uniform() < 0.02 ? 4 : 1));
  }
  const { count, sumMs, minMs, maxMs } = histogram;
  return { buildId: "bld_bench", versionId: "ver_bench", mode: "simulated", wallMs: 1_795_540_000_000, ageMs: 61_250.5, count, errors: 0, sumMs, minMs, maxMs, buckets: histogram.toSparse() };
}
