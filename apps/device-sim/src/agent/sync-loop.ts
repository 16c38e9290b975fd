import { FLOTILLA_VERSION, PROTOCOL_VERSION, type DeviceClass, type RunningReport, type SyncRequest, type SyncResponse } from "@flotilla/protocol";
import type { Logger } from "pino";
import type { Access } from "./access.ts";
import { backoffMs } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { deploymentReport, slotReports } from "./decide.ts";
import type { Disk } from "./disk.ts";
import { ServerRefusal, type GatewayClient } from "./gateway-client.ts";
import type { Installer } from "./installer.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { Resources } from "./resources.ts";
import type { Runner } from "./runner.ts";

export type SyncOptions = {
  readonly access: Access;
  readonly client: GatewayClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly disk: Disk;
  readonly ledger: Ledger;
  readonly installer: Installer;
  readonly runner: Runner;
  readonly deviceClass: DeviceClass;
  readonly bootId: string;
  readonly resources: () => Promise<Resources>;
};

export type Connection = {
  /** Monotonic time of the last answer; null before the first. */
  readonly lastSyncMs: number | null;
  readonly failures: number;
  readonly lastError: string | null;
};

/** The one call a device makes: report and telemetry in, target and acknowledgement out; for ever, whatever the server does. */
export type SyncLoop = {
  run(signal: AbortSignal): Promise<void>;
  /** Report soon instead of at the next interval: something happened that people wait for. */
  hurry(): void;
  connection(): Connection;
  /** Resolves after the next successful sync that began after this call. */
  nextSync(signal: AbortSignal): Promise<void>;
};

/** A device whose credential was withdrawn asks this seldom whether it was given back. */
const REVOKED_RETRY = { baseMs: 300_000, capMs: 300_000 } as const;
/** A batch that the server refuses must not cut the device off from its targets: so many syncs go without one before it is tried again. */
const SYNCS_WITHOUT_TELEMETRY = 20;
/** A hurried sync waits up to this long, so that a fleet that finishes at once does not report at once. */
const HURRY_SPREAD_MS = 1_000;

export function createSyncLoop(options: SyncOptions): SyncLoop {
  const { access, client, clock, random, log, installer, ledger } = options;
  let connection: Connection = { lastSyncMs: null, failures: 0, lastError: null };
  let wake: () => void = () => undefined;
  let hurried = false;
  let waiters: { readonly since: number; readonly resolve: () => void }[] = [];
  let round = 0;
  let withoutTelemetry = 0;

  async function syncOnce(signal: AbortSignal): Promise<SyncResponse> {
    const { telemetry, ...report } = await buildRequest(options);
    const request = withoutTelemetry > 0 || telemetry === undefined ? report : { ...report, telemetry };
    withoutTelemetry = Math.max(withoutTelemetry - 1, 0);
    const answer = await access.withToken((token) => client.sync(token, request, signal)).catch((error: unknown) => {
      if ("telemetry" in request && error instanceof ServerRefusal && (error.status === 400 || error.status === 413)) {
        log.error({ code: error.code, detail: error.message, first: telemetry?.first, last: telemetry?.last }, "the server cannot take this telemetry; going on without it for a while");
        withoutTelemetry = SYNCS_WITHOUT_TELEMETRY;
      }
      throw error;
    });
    if (answer.ack !== undefined) {
      await ledger.acknowledge(answer.ack).catch((error: unknown) => log.warn({ err: String(error) }, "the acknowledgement could not be stored"));
    }
    if (answer.target !== undefined) installer.post({ kind: "target", target: answer.target });
    for (const command of answer.commands) installer.post({ kind: "cancel", deploymentId: command.deploymentId });
    return answer;
  }

  /** Syncs and says how long to wait then. */
  async function attempt(signal: AbortSignal): Promise<number> {
    round += 1;
    const began = round;
    try {
      if (access.deviceId() === null) await access.enroll(signal);
      const answer = await syncOnce(signal);
      if (connection.failures > 0) log.info({ afterFailures: connection.failures }, "the server answers again");
      connection = { lastSyncMs: clock.monotonicMs(), failures: 0, lastError: null };
      const done = waiters.filter((waiter) => waiter.since < began);
      waiters = waiters.filter((waiter) => waiter.since >= began);
      for (const waiter of done) waiter.resolve();
      return answer.syncAfterMs;
    } catch (error) {
      if (signal.aborted) return 0;
      const detail = error instanceof Error ? error.message : String(error);
      connection = { ...connection, failures: connection.failures + 1, lastError: detail };
      if (connection.failures === 1) log.warn({ err: detail }, "sync did not go through; the model keeps running");
      const limits = access.standing() === "revoked" ? REVOKED_RETRY : undefined;
      return backoffMs(connection.failures, random, limits, error instanceof ServerRefusal ? error.retryAfterMs : undefined);
    }
  }

  async function waitOrWake(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    wake = () => woken.abort();
    if (!hurried) await clock.sleep(ms, AbortSignal.any([signal, woken.signal]));
    if (hurried) await clock.sleep(random.uniform() * Math.min(HURRY_SPREAD_MS, ms), signal);
    hurried = false;
  }

  return {
    async run(signal) {
      while (!signal.aborted) {
        const waitMs = await attempt(signal);
        // A failed call is not hurried: backoff protects the server.
        if (connection.failures > 0) await clock.sleep(waitMs, signal);
        else await waitOrWake(waitMs, signal);
      }
    },
    hurry() {
      hurried = true;
      wake();
    },
    connection: () => connection,
    nextSync(signal) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve();
        waiters.push({ since: round, resolve });
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    },
  };
}

async function buildRequest(options: SyncOptions): Promise<SyncRequest> {
  const { installer, ledger, disk, clock } = options;
  const state = installer.state();
  // A disk that cannot be read keeps the windows to itself; the device must not lose its server by that.
  const batch = ledger.batch().catch((error: unknown) => {
    options.log.warn({ err: String(error) }, "the telemetry queue cannot be read; reporting without it");
    return null;
  });
  const [telemetry, resources, freeDiskBytes] = await Promise.all([batch, options.resources(), disk.freeBytes().catch(() => 0)]);
  const deployment = deploymentReport(state, installer.progress());
  return {
    protocol: PROTOCOL_VERSION,
    bootId: options.bootId,
    report: {
      agentVersion: FLOTILLA_VERSION,
      targetVersion: state.target?.targetVersion ?? 0,
      running: runningReport(options.runner, clock.monotonicMs()),
      slots: slotReports(state),
      ...(deployment === null ? {} : { deployment }),
      class: options.deviceClass,
      resources: { ...resources, freeDiskBytes, queuedWindows: ledger.status().waiting },
    },
    ...(telemetry === null ? {} : { telemetry }),
  };
}

/** Only a model that is loaded now is running; its digests were read back from the disk when it was loaded. */
function runningReport(runner: Runner, nowMs: number): RunningReport | null {
  const running = runner.running();
  if (running === null || !running.live) return null;
  const { buildId, manifestSha256, versionId, modelSha256 } = running.content;
  return { buildId, manifestSha256, versionId, modelSha256, runningForMs: Math.max(nowMs - running.sinceMs, 0) };
}
