import { FleetError, PROTOCOL_VERSION, SYNC_LIMITS, syncRequestSchema, type SyncRequest } from "@flotilla/protocol";
import { sameClass, type SyncOutcome } from "@flotilla/fleet";
import { authenticate } from "../authenticate.ts";
import type { Call, Gateway } from "../context.ts";
import { sendJson } from "../http/answer.ts";
import { readJson } from "../http/body.ts";
import { parsed } from "../http/parsed.ts";
import type { KnownDevice } from "../registry.ts";
import { syncAnswerOf } from "../sync-answer.ts";

/** Samples that one window (a minute) can hold at most: sums of roll-ups must stay exact for years. */
const MAX_WINDOW_SAMPLES = 100_000_000;
/** A class that changes with every sync is a fault; it must not write the registry each time. */
const CLASS_NOTED_EVERY_MS = 60_000;
/** Pages hear of a device that comes back after this many intervals. */
const QUIET_INTERVALS = 3;

/**
 * POST /device/v1/sync: report and telemetry in, target out. For a device in memory nothing is read from the database; the
 * answer leaves after the batch that holds this sync has committed.
 */
export async function sync(gateway: Gateway, { req, res }: Call): Promise<void> {
  gateway.writer.admit();
  const device = await authenticate(gateway, req);
  const request = checkedSync(await readJson(req, SYNC_LIMITS.bodyBytes));
  const receivedAt = new Date();
  const outcome = await gateway.writer.store({
    deviceId: device.deviceId,
    receivedAt,
    request,
    className: device.entry.className,
    fleetIds: device.fleetIds,
    keepsMinutes: device.entry.pinned || device.entry.isCanary,
    handedOut: handedOut(device, request),
  });
  // While it was stored the registry may have learnt more, a revocation for one.
  const now = gateway.registry.peek(device.deviceId) ?? device;
  note(gateway, now, request, outcome, receivedAt.getTime());
  gateway.counters.syncs += 1;
  const isActive = now.entry.state === "active";
  sendJson(
    res,
    200,
    syncAnswerOf({
      request,
      target: isActive ? now.target : null,
      // One that came while the sync was stored was not noted as handed out: it goes out with the next sync.
      mayHandOut: now.target?.targetVersion === device.target?.targetVersion,
      ack: outcome.ack,
      hasOpenDeployment: now.openDeploymentId !== null,
      intervalMs: gateway.syncIntervalMs,
      load: gateway.writer.load,
      nowMs: Date.now(),
      random: Math.random(),
    }),
  );
}

/** The deployment that the answer will bring to the device; noted in the same transaction as the sync. */
function handedOut({ entry, target }: KnownDevice, { report }: SyncRequest): { deploymentId: string; targetVersion: number } | undefined {
  if (entry.state !== "active" || target === null || target.deploymentId === null || target.targetVersion <= report.targetVersion) return undefined;
  return { deploymentId: target.deploymentId, targetVersion: target.targetVersion };
}

function checkedSync(body: unknown): SyncRequest {
  const request = parsed(syncRequestSchema, body);
  if (request.protocol > PROTOCOL_VERSION) throw new FleetError("protocol_unsupported", { public: `This server speaks protocol ${PROTOCOL_VERSION}.` });
  for (const window of request.telemetry?.windows ?? []) {
    let samples = window.errors;
    for (let i = 1; i < window.buckets.length; i += 2) samples += window.buckets[i] ?? 0;
    if (samples > MAX_WINDOW_SAMPLES) throw new FleetError("bad_request", { public: `Window ${window.seq} holds more samples than a minute can.` });
  }
  return request;
}

/** What the gateway remembers of a stored sync, and whom it tells. */
function note(gateway: Gateway, device: KnownDevice, request: SyncRequest, outcome: SyncOutcome, receivedAtMs: number): void {
  const { report } = request;
  const deployment = report.deployment;
  const isEnded = deployment?.phase === "succeeded" || deployment?.phase === "failed";
  if (deployment && isEnded && device.openDeploymentId === deployment.deploymentId) device.openDeploymentId = null;
  const summary = `${report.running?.manifestSha256} ${deployment?.deploymentId} ${deployment?.phase} ${deployment?.attempt} ${report.targetVersion}`;
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
