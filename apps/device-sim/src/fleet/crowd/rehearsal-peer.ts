import type { BuildManifest, SyncRequest, Target, TelemetryBatch } from "@flotilla/protocol";
import { seededRandom } from "../../agent/random.ts";
import { sha256Of } from "./content.ts";
import type { Answer, Call, Exchange } from "./exchange.ts";
import type { Timeline } from "./timeline.ts";

/** What the peer has stored of one device. */
export type RehearsedDevice = {
  readonly name: string;
  lastReport: SyncRequest["report"] | null;
  syncs: number;
  /** Per epoch: the watermark, windows stored and declared losses. */
  readonly epochs: Map<string, { watermark: number; stored: number; dropped: number }>;
};

/** A made-up build: bytes and manifest. Nothing opens its model. */
export type RehearsedBuild = { readonly build: NonNullable<Target["build"]>; readonly artifacts: ReadonlyMap<string, Uint8Array> };

const ANSWER_MS = 2;
const TOKEN_SECONDS = 900;
const EMPTY = Buffer.alloc(0);

/**
 * A server of the device protocol inside the process, for fleets in simulated time: it takes every token, keeps the ledger's rules, hands out the
 * builds it is given, and answers after two milliseconds. Its draws repeat with its seed.
 */
export class RehearsalPeer implements Exchange {
  readonly devices = new Map<string, RehearsedDevice>();
  /** The build that all devices should run; a change counts the target's version up. */
  #target: Target | null = null;
  #artifacts = new Map<string, Uint8Array>();
  readonly #timeline: Timeline;
  readonly #syncIntervalMs: number;
  readonly #random;

  constructor(timeline: Timeline, options: { seed: number; syncIntervalMs: number }) {
    this.#timeline = timeline;
    this.#syncIntervalMs = options.syncIntervalMs;
    this.#random = seededRandom(options.seed);
  }

  rollOut({ build, artifacts }: RehearsedBuild, limits: { maxAttempts?: number; attemptTimeoutMs?: number } = {}): void {
    const targetVersion = (this.#target?.targetVersion ?? 0) + 1;
    this.#target = { targetVersion, deploymentId: `rehearsal-${targetVersion}`, build, maxAttempts: limits.maxAttempts ?? 3, attemptTimeoutMs: limits.attemptTimeoutMs ?? 600_000 };
    for (const [sha256, bytes] of artifacts) this.#artifacts.set(sha256, bytes);
  }

  send(call: Call, take: (answer: Answer) => void): void {
    this.#timeline.after(ANSWER_MS, () => take(this.#answer(call)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #answer(call: Call): Answer {
    if (call.path === "/device/v1/nonce") return json({ nonce: "rehearsal" });
    if (call.path === "/device/v1/enroll") {
      const { name } = JSON.parse(call.body ?? "") as { name: string };
      this.devices.set(name, this.devices.get(name) ?? { name, lastReport: null, syncs: 0, epochs: new Map() });
      return json({ deviceId: name, name });
    }
    if (call.path === "/device/v1/token") return json({ token: (JSON.parse(call.body ?? "") as { deviceId: string }).deviceId, expiresInSeconds: TOKEN_SECONDS });
    if (call.path === "/device/v1/sync") return this.#sync(call);
    return this.#artifact(call);
  }

  #sync(call: Call): Answer {
    const device = this.devices.get(call.token ?? "");
    if (device === undefined) return problem(401, "device_unknown");
    const request = JSON.parse(call.body ?? "") as SyncRequest;
    device.syncs += 1;
    device.lastReport = request.report;
    const ack = request.telemetry === undefined ? undefined : store(device, request.telemetry);
    const target = this.#target !== null && this.#target.targetVersion > request.report.targetVersion ? this.#target : undefined;
    const syncAfterMs = Math.max(1, Math.round(this.#syncIntervalMs * (0.5 + this.#random.uniform())));
    return json({ serverTime: new Date(this.#timeline.wallMs()).toISOString(), syncAfterMs, commands: [], ...(target && { target }), ...(ack && { ack }) });
  }

  #artifact(call: Call): Answer {
    const sha256 = call.path.slice(call.path.lastIndexOf("/") + 1);
    const bytes = this.#artifacts.get(sha256);
    if (bytes === undefined) return problem(404, "not_found");
    const from = call.resume?.fromByte ?? 0;
    const body = Buffer.from(bytes.subarray(from));
    return { status: from === 0 ? 200 : 206, body, broke: null, etag: `"${sha256}"`, ...(from === 0 ? {} : { contentRange: `bytes ${from}-${bytes.length - 1}/${bytes.length}` }) };
  }
}

/** Windows and watermark together; throws when a window would be stored twice or one is missing. */
function store(device: RehearsedDevice, batch: TelemetryBatch): { epoch: string; seq: number } {
  const epoch = device.epochs.get(batch.epoch) ?? { watermark: 0, stored: 0, dropped: 0 };
  device.epochs.set(batch.epoch, epoch);
  if (batch.first <= epoch.watermark + 1 && batch.last > epoch.watermark) {
    const dropped = (batch.dropped ?? []).reduce((sum, [from, to]) => sum + Math.max(to - Math.max(from, epoch.watermark + 1) + 1, 0), 0);
    const fresh = batch.windows.filter((window) => window.seq > epoch.watermark).length;
    if (fresh + dropped !== batch.last - epoch.watermark) throw new Error(`${device.name}: the batch does not tile ${epoch.watermark + 1} to ${batch.last}`);
    epoch.stored += fresh;
    epoch.dropped += dropped;
    epoch.watermark = batch.last;
  }
  return { epoch: batch.epoch, seq: epoch.watermark };
}

/** A build with a model of made-up bytes, from its name alone. */
export function rehearsedBuild(name: string, modelBytes = 40_000): RehearsedBuild {
  const random = seededRandom(Buffer.from(name).reduce((sum, byte) => sum * 31 + byte, 7));
  const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(random.uniform() * 256));
  const artifacts = new Map<string, Uint8Array>();
  const add = (bytes: Uint8Array) => {
    const sha256 = sha256Of(bytes);
    artifacts.set(sha256, bytes);
    return { sha256, sizeBytes: bytes.length };
  };
  const manifest: BuildManifest = {
    schema: "flotilla/build-manifest/1", buildId: `build-${name}`, name, createdAt: "2026-11-24T12:00:00.000Z", settings: { intraOpThreads: 1, executionProviders: ["cpu"] },
    variants: [{
      versionId: `version-${name}`, modelName: "rehearsal", versionNumber: 1, classes: [], files: [{ ...add(bytesOf(modelBytes)), name: "model.onnx", role: "model" }],
      golden: { ...add(bytesOf(2_000)), relativeTolerance: 1e-3, absoluteTolerance: 1e-4 },
      inputs: [{ name: "image", elementType: "float32", shape: ["batch", 1, 28, 28] }], outputs: [{ name: "scores", elementType: "float32", shape: ["batch", 10] }],
      requiredMemoryBytes: 64 * 2 ** 20,
    }],
  };
  return { build: { buildId: manifest.buildId, name, manifest: add(Buffer.from(JSON.stringify(manifest))) }, artifacts };
}

function json(body: unknown): Answer {
  return { status: 200, body: Buffer.from(JSON.stringify(body)), broke: null };
}

function problem(status: number, code: string): Answer {
  return { status, body: status === 0 ? EMPTY : Buffer.from(JSON.stringify({ code })), broke: null };
}
