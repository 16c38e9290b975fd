import type { IncomingMessage, ServerResponse } from "node:http";
import { FleetError, PROTOCOL_VERSION, SYNC_LIMITS, syncRequestSchema, type SyncRequest } from "@flotilla/protocol";
import { sameClass, type SyncItem, type SyncOutcome } from "@flotilla/fleet";
import { admitted, claimOf } from "./authenticate.ts";
import type { Gateway } from "./context.ts";
import { sendJsonText } from "./http/answer.ts";
import { BODY_TIMEOUT_MS, checkBodyHeaders, inflated, jsonOf, tooLarge } from "./http/body.ts";
import { answerFailure } from "./http/failure.ts";
import { parsed } from "./http/parsed.ts";
import { liveStatementOf } from "./live-statement.ts";
import { quickSyncRequest } from "./quick-sync-request.ts";
import type { KnownDevice } from "./registry.ts";
import { syncAnswerText } from "./sync-answer.ts";
import type { SyncWaiter } from "./sync-writer.ts";

// The hot path: every device comes here once or twice a minute. One object per call, callbacks instead of promises, no timer per
// call, nothing read from the database for a device in memory; the answer leaves after the batch that holds the sync has committed.

/** Samples that one window (a minute) can hold at most: sums of roll-ups must stay exact for years. */
const MAX_WINDOW_SAMPLES = 100_000_000;
/** A class that changes with every sync is a fault; it must not write the registry each time. */
const CLASS_NOTED_EVERY_MS = 60_000;
/** Pages hear of a device that comes back after this many intervals. */
const QUIET_INTERVALS = 3;
/**
 * A device's row of last states is written when something in it changed, or after this many intervals. A healthy device syncs within 1.5
 * intervals, so its row is never older than 2.5: below the 3 that count as late (packages/fleet, presence.ts) and as offline in a rollout.
 */
const LIVE_STORED_INTERVALS = 1;
/** Devices that were refused come back within this, at least. */
const LEAST_RETRY_SPREAD_MS = 4_000;
const SWEEP_MS = 1_000;

/** Takes syncs: one per gateway. */
export class SyncIntake {
  readonly gateway: Gateway;
  /** Calls whose body is being read. */
  readonly reading = new Reading();
  #isStopping = false;
  #timer: NodeJS.Timeout | undefined;
  #nowMs = 0;
  #nowText = "";

  constructor(gateway: Gateway) {
    this.gateway = gateway;
  }

  start(): void {
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** Connections end with the answer in hand from now on. */
  stop(): void {
    this.#isStopping = true;
    clearInterval(this.#timer);
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  take(req: IncomingMessage, res: ServerResponse, requestId: string): void {
    const length = req.headers["content-length"];
    const bytes = length === undefined || req.headers["content-encoding"] !== undefined ? SYNC_LIMITS.bodyBytes : Math.min(Number(length), SYNC_LIMITS.bodyBytes);
    if (!this.gateway.writer.admit(bytes)) {
      answerFailure(this.gateway, req, res, this.#tooMany(), requestId);
      return;
    }
    new SyncCall(this, req, res, requestId, bytes).begin();
  }

  /** The time as answers show it: many are made in the same millisecond. */
  timeText(nowMs: number): string {
    if (nowMs !== this.#nowMs) {
      this.#nowMs = nowMs;
      this.#nowText = new Date(nowMs).toISOString();
    }
    return this.#nowText;
  }

  /** What is refused comes back spread over an interval: together, it would be refused together again. */
  #tooMany(): FleetError {
    const spreadMs = Math.max(LEAST_RETRY_SPREAD_MS, this.gateway.syncIntervalMs);
    return new FleetError("rate_limited", { public: "Too many devices at once; try again later.", extra: { retryAfterMs: 1_000 + Math.random() * spreadMs } });
  }

  /** A body that comes too slowly is given up: it holds a place that others could have. */
  #sweep(): void {
    for (const call of this.reading.begunBefore(performance.now() - BODY_TIMEOUT_MS)) call.failed(new FleetError("request_timeout", { public: "The body took too long." }));
  }
}

/** A list without holes: who leaves gives its place to the last one. Nearly all leave in the moment in which they came. */
class Reading {
  readonly #calls: SyncCall[] = [];

  add(call: SyncCall): void {
    call.placeInReading = this.#calls.length;
    this.#calls.push(call);
  }

  /** False when it is not in the list. */
  delete(call: SyncCall): boolean {
    const place = call.placeInReading;
    if (place < 0) return false;
    call.placeInReading = -1;
    const last = this.#calls.pop();
    if (last !== undefined && last !== call) {
      this.#calls[place] = last;
      last.placeInReading = place;
    }
    return true;
  }

  begunBefore(latestMs: number): SyncCall[] {
    return this.#calls.filter((call) => call.beganMs <= latestMs);
  }
}

class SyncCall implements SyncWaiter {
  readonly #intake: SyncIntake;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #requestId: string;
  readonly #bytes: number;
  readonly beganMs = performance.now();
  placeInReading = -1;
  #chunks: Buffer[] = [];
  #size = 0;
  #isGzip = false;
  #isOver = false;
  #device: KnownDevice | undefined;
  #live = "";
  #item: SyncItem | undefined;

  constructor(intake: SyncIntake, req: IncomingMessage, res: ServerResponse, requestId: string, bytes: number) {
    this.#intake = intake;
    this.#req = req;
    this.#res = res;
    this.#requestId = requestId;
    this.#bytes = bytes;
  }

  get item(): SyncItem {
    if (this.#item === undefined) throw new Error("a sync was queued before it was read");
    return this.#item;
  }

  begin(): void {
    const { gateway } = this.#intake;
    try {
      const claim = claimOf(gateway, this.#req);
      const known = gateway.registry.peek(claim.deviceId);
      if (known) this.#read(admitted(claim, known));
      else gateway.registry.get(claim.deviceId).then((device) => this.#read(admitted(claim, device))).catch((error: unknown) => this.failed(error));
    } catch (error) {
      this.failed(error);
    }
  }

  stored(outcome: SyncOutcome): void {
    const { gateway } = this.#intake;
    const { deviceId, request, receivedAt, isLiveStored } = this.item;
    // While it was stored the registry may have learnt more, a revocation for one.
    const now = gateway.registry.peek(deviceId) ?? this.#device;
    if (now === undefined || this.#isOver) return;
    note(gateway, now, this.item, outcome);
    if (isLiveStored !== true) {
      now.storedLive = this.#live;
      now.storedLiveAtMs = receivedAt.getTime();
    }
    gateway.counters.syncs += 1;
    this.#end();
    const nowMs = Date.now();
    const text = syncAnswerText(
      {
        request,
        target: now.entry.state === "active" ? now.target : null,
        // One that came while the sync was stored was not noted as handed out: it goes out with the next sync.
        mayHandOut: now.target?.targetVersion === this.#device?.target?.targetVersion,
        ack: outcome.ack,
        hasOpenDeployment: now.openDeploymentId !== null,
        intervalMs: gateway.syncIntervalMs,
        load: gateway.writer.load,
        nowMs,
        random: Math.random(),
      },
      this.#intake.timeText(nowMs),
    );
    sendJsonText(this.#res, text, this.#requestId, this.#intake.isStopping);
  }

  failed(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    answerFailure(this.#intake.gateway, this.#req, this.#res, error, this.#requestId);
  }

  /** Whatever comes, the place is given back once. */
  #end(): void {
    this.#isOver = true;
    this.#stopReading();
    this.#intake.gateway.writer.release(this.#bytes);
  }

  #read(device: KnownDevice): void {
    this.#device = device;
    this.#isGzip = checkBodyHeaders(this.#req, SYNC_LIMITS.bodyBytes) === "gzip";
    this.#intake.reading.add(this);
    this.#req.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onClose);
  }

  #stopReading(): void {
    if (!this.#intake.reading.delete(this)) return;
    this.#req.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#size += chunk.length;
    if (this.#size > SYNC_LIMITS.bodyBytes) this.failed(tooLarge(SYNC_LIMITS.bodyBytes));
    else this.#chunks.push(chunk);
  };

  readonly #onClose = (): void => this.failed(new FleetError("bad_request", { public: "The body ended early." }));

  readonly #onEnd = (): void => {
    this.#stopReading();
    const bytes = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = [];
    if (this.#isGzip) inflated(bytes, SYNC_LIMITS.bodyBytes).then((plain) => this.#queue(plain)).catch((error: unknown) => this.failed(error));
    else this.#queue(bytes);
  };

  #queue(bytes: Buffer): void {
    const { gateway } = this.#intake;
    const device = this.#device;
    if (device === undefined) return;
    try {
      const request = checkedSync(jsonOf(bytes));
      const receivedAt = new Date();
      this.#live = liveStatementOf(request);
      const sinceLiveMs = receivedAt.getTime() - device.storedLiveAtMs;
      this.#item = {
        deviceId: device.deviceId, receivedAt, request, className: device.entry.className, fleetIds: device.fleetIds, keepsMinutes: device.entry.pinned || device.entry.isCanary,
        handedOut: handedOut(device, request),
        isLiveStored: sinceLiveMs >= 0 && sinceLiveMs < LIVE_STORED_INTERVALS * gateway.syncIntervalMs && device.storedLive === this.#live,
      };
    } catch (error) {
      this.failed(error);
      return;
    }
    gateway.writer.store(this);
  }
}

/** The deployment that the answer will bring to the device; noted in the same transaction as the sync. */
function handedOut({ entry, target }: KnownDevice, { report }: SyncRequest): { deploymentId: string; targetVersion: number } | undefined {
  if (entry.state !== "active" || target === null || target.deploymentId === null || target.targetVersion <= report.targetVersion) return undefined;
  return { deploymentId: target.deploymentId, targetVersion: target.targetVersion };
}

function checkedSync(body: unknown): SyncRequest {
  const request = quickSyncRequest(body) ?? parsed(syncRequestSchema, body);
  if (request.protocol > PROTOCOL_VERSION) throw new FleetError("protocol_unsupported", { public: `This server speaks protocol ${PROTOCOL_VERSION}.` });
  for (const window of request.telemetry?.windows ?? []) {
    let samples = window.errors;
    for (let i = 1; i < window.buckets.length; i += 2) samples += window.buckets[i] ?? 0;
    if (samples > MAX_WINDOW_SAMPLES) throw new FleetError("bad_request", { public: `Window ${window.seq} holds more samples than a minute can.` });
  }
  return request;
}

/** What the gateway remembers of a stored sync, and whom it tells. */
function note(gateway: Gateway, device: KnownDevice, { request: { report }, receivedAt, isLiveStored }: SyncItem, outcome: SyncOutcome): void {
  const receivedAtMs = receivedAt.getTime();
  const deployment = report.deployment;
  const isEnded = deployment?.phase === "succeeded" || deployment?.phase === "failed";
  if (deployment && isEnded && device.openDeploymentId === deployment.deploymentId) device.openDeploymentId = null;
  // One whose row of last states says the same already has nothing new to tell.
  const summary = isLiveStored === true ? device.lastReport : `${report.running?.manifestSha256} ${deployment?.deploymentId} ${deployment?.phase} ${deployment?.attempt} ${report.targetVersion}`;
  const wasQuiet = receivedAtMs - device.lastSeenMs > QUIET_INTERVALS * gateway.syncIntervalMs;
  if (summary !== device.lastReport || wasQuiet) gateway.announcer.deviceChanged(device.deviceId);
  if (device.target !== null && report.targetVersion > device.target.targetVersion) gateway.targetReissue.deviceIsAhead(device.deviceId);
  device.lastReport = summary;
  device.lastSeenMs = receivedAtMs;
  if (outcome.ledger === "stored") gateway.announcer.latencyChanged();
  if (!sameClass(device.entry.class, report.class) && receivedAtMs - device.classNotedAtMs > CLASS_NOTED_EVERY_MS) {
    device.classNotedAtMs = receivedAtMs;
    gateway.ports.noteReportedClass({ deviceId: device.deviceId, class: report.class }).catch((error: unknown) => gateway.log.warn({ err: error, deviceId: device.deviceId }, "the device's class could not be taken over"));
  }
}
