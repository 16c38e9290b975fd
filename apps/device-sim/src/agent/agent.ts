import type { DeviceClass, Labels } from "@flotilla/protocol";
import type { Logger } from "pino";
import { createAccess, type Access } from "./access.ts";
import { createBlobs } from "./blobs.ts";
import type { Clock } from "./clock.ts";
import type { Disk } from "./disk.ts";
import { createGatewayClient } from "./gateway-client.ts";
import { startInferServer, type InferServer } from "./infer-server.ts";
import { createInstaller, type Installer, type Probation } from "./installer.ts";
import { createLatencyWindows, type LatencyWindows } from "./latency-windows.ts";
import { openLedger, type Ledger } from "./ledger.ts";
import type { InputSpec, ModelPort } from "./model.ts";
import type { Net } from "./net.ts";
import type { Random } from "./random.ts";
import { readResources, type Resources } from "./resources.ts";
import { createRunner, type Runner } from "./runner.ts";
import type { AgentState } from "./state.ts";
import { createSyncLoop, type Connection, type SyncLoop } from "./sync-loop.ts";

/** The world as the agent sees it: everything that a simulation or a test replaces. */
export type AgentPorts = { readonly clock: Clock; readonly random: Random; readonly disk: Disk; readonly net: Net; readonly models: ModelPort; readonly log: Logger };

export type AgentSettings = {
  readonly server: string;
  readonly name: string;
  readonly labels: Labels;
  readonly deviceClass: DeviceClass;
  readonly enrollmentToken: string | null;
  readonly input: InputSpec;
  /** Distance of the device's own inferences; 0 runs none. */
  readonly inferenceIntervalMs: number;
  /** Port of `POST /infer` on 127.0.0.1 (0: a free one); null opens none. */
  readonly inferPort: number | null;
  /** Length of a latency window; the protocol's is a minute, demonstrations use less. */
  readonly windowMs: number;
  readonly ledgerCapBytes: number;
  readonly probation: Probation;
  readonly retryBackoff: { readonly baseMs: number; readonly capMs: number };
  /** Simulated devices tell the numbers of what they simulate; null reads this machine's. */
  readonly resources: (() => Promise<Resources>) | null;
};

/** Defaults of a real device. */
export const AGENT_DEFAULTS = {
  windowMs: 60_000,
  /** About 8,000 windows: a model that answers all the time fills it in five and a half days without a server. */
  ledgerCapBytes: 4 * 2 ** 20,
  inferenceIntervalMs: 1_000,
  probation: { inferences: 20, ms: 30_000 },
  retryBackoff: { baseMs: 5_000, capMs: 300_000 },
} as const;

export type AgentStatus = {
  readonly deviceId: string | null;
  readonly name: string;
  readonly publicKey: string;
  readonly server: string;
  readonly standing: ReturnType<Access["standing"]>;
  readonly connection: Connection;
  readonly model: { readonly name: string; readonly buildId: string; readonly build: string; readonly live: boolean; readonly inferences: number; readonly errors: number; readonly crashes: number } | null;
  readonly deployment: AgentState["deployment"];
  readonly targetVersion: number;
  readonly telemetry: ReturnType<Ledger["status"]>;
};

export type Agent = {
  /** Where programs on this machine reach the model; null when no port was asked for. */
  readonly inferUrl: string | null;
  status(): AgentStatus;
  state(): AgentState;
  /** Resolves when the device is enrolled; rejects with the `FleetError` that ended the agent. */
  readonly enrolled: Promise<void>;
  /** Resolves when the agent was stopped; rejects when it broke down, which is a bug. */
  readonly done: Promise<void>;
  /** Resolves when the newest target has been reached or given up and the server knows. */
  settled(signal: AbortSignal): Promise<void>;
  /** Ends all work, stores the running latency window. */
  stop(): Promise<void>;
};

/** Starts an agent on its ports. Rejects when the data folder cannot be used or the port is taken. */
export async function startAgent(ports: AgentPorts, settings: AgentSettings): Promise<Agent> {
  const parts = await assemble(ports, settings);
  const { access, installer, runner, ledger, sync, inferServer } = parts;
  const stopping = new AbortController();
  const { signal } = stopping;
  const enrolled = access.enroll(signal);
  enrolled.catch(() => undefined);
  resumeModel(installer, runner);
  const work = [
    installer.run(signal),
    shipWindows(parts.windows, ledger, ports.clock, signal),
    enrolled.then(() => sync.run(signal), () => undefined),
  ];
  const done = Promise.all(work).then(() => undefined);
  done.catch((error: unknown) => ports.log.fatal({ err: error instanceof Error ? error.stack : String(error) }, "the agent broke down"));

  return {
    inferUrl: inferServer === null ? null : `${inferServer.url}/infer`,
    enrolled,
    done,
    status: parts.status,
    state: () => installer.state(),
    async settled(stopWaiting) {
      await enrolled;
      sync.hurry();
      await sync.nextSync(stopWaiting);
      // The answer's target is with the installer now, but not yet in its state.
      const stopped = new Promise<void>((resolve) => {
        if (stopWaiting.aborted) resolve();
        stopWaiting.addEventListener("abort", () => resolve(), { once: true });
      });
      await Promise.race([installer.atRest(), stopped]);
      if (installer.state().deployment === null) return;
      sync.hurry();
      await sync.nextSync(stopWaiting);
    },
    async stop() {
      stopping.abort(new Error("the agent is stopping"));
      await inferServer?.close();
      await runner.stop();
      await Promise.allSettled(work);
      await ledger.append(parts.windows.takeClosed(true));
      await ports.net.close();
    },
  };
}

type Parts = {
  readonly access: Access; readonly installer: Installer; readonly runner: Runner; readonly ledger: Ledger; readonly sync: SyncLoop;
  readonly windows: LatencyWindows; readonly inferServer: InferServer | null; readonly status: () => AgentStatus;
};

async function assemble(ports: AgentPorts, settings: AgentSettings): Promise<Parts> {
  const { clock, random, disk, models, log } = ports;
  await disk.makeDirectory(".");
  // What an earlier process renamed and could not make durable before it died is relied upon from now on.
  await disk.syncDirectory(".").catch((error: unknown) => log.warn({ err: String(error) }, "the data folder cannot be made durable"));
  const bootId = random.hex(16);
  const client = createGatewayClient(ports.net, clock);
  const access = await createAccess({ client, disk, clock, random, log, ...settings });
  const ledger = await openLedger({ disk, clock, random, bootId, log, capBytes: settings.ledgerCapBytes });
  const windows = createLatencyWindows(settings.windowMs, clock);
  const { simulated } = settings.deviceClass;
  const modes = simulated ? ({ loop: "simulated", outside: "simulated" } as const) : ({ loop: "scheduled", outside: "field" } as const);
  const runner: Runner = createRunner({
    disk, models, clock, random, log, windows, modes, input: settings.input, intervalMs: settings.inferenceIntervalMs,
    onDamaged: (slot, detail) => installer.post({ kind: "slot_damaged", slot, detail }),
  });
  const blobs = createBlobs({ disk, access, client, clock, random, log });
  const installer: Installer = await createInstaller({
    disk, blobs, models, runner, clock, random, log, deviceClass: settings.deviceClass, probation: settings.probation, retryBackoff: settings.retryBackoff,
    onChange: (state) => {
      if (isAtEnd(state)) sync.hurry();
    },
  });
  const resources = settings.resources ?? (async () => readResources(await models.rssBytes()));
  const sync: SyncLoop = createSyncLoop({ access, client, clock, random, log, disk, ledger, installer, runner, deviceClass: settings.deviceClass, bootId, resources });
  const status = (): AgentStatus => statusOf({ settings, access, installer, runner, ledger, sync });
  const inferServer = settings.inferPort === null ? null : await startInferServer({ port: settings.inferPort, runner, status, log });
  return { access, installer, runner, ledger, sync, windows, inferServer, status };
}

/** After a restart: runs what ran before, unless the interrupted install decides that. */
function resumeModel(installer: Installer, runner: Runner): void {
  const { active, slots, deployment } = installer.state();
  if (active === null || deployment?.phase === "probation" || deployment?.phase === "reverting") return;
  const slot = slots[active];
  if (slot.state !== "empty") runner.keep(active, slot.content);
}

/** Moves finished windows to the disk at the end of each. */
async function shipWindows(windows: LatencyWindows, ledger: Ledger, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(windows.nextEndMs() - clock.monotonicMs(), signal);
    if (!signal.aborted) await ledger.append(windows.takeClosed());
  }
}

function isAtEnd(state: AgentState): boolean {
  return state.deployment === null || state.deployment.phase === "succeeded" || state.deployment.phase === "failed";
}

function statusOf(parts: { settings: AgentSettings; access: Access; installer: Installer; runner: Runner; ledger: Ledger; sync: SyncLoop }): AgentStatus {
  const running = parts.runner.running();
  const state = parts.installer.state();
  return {
    deviceId: parts.access.deviceId(),
    name: parts.settings.name,
    publicKey: parts.access.publicKey,
    server: parts.settings.server,
    standing: parts.access.standing(),
    connection: parts.sync.connection(),
    model: running === null ? null : {
      name: running.content.modelName, buildId: running.content.buildId, build: running.content.buildName, live: running.live,
      inferences: running.health.inferences, errors: running.health.errors, crashes: running.health.crashes,
    },
    deployment: state.deployment,
    targetVersion: state.target?.targetVersion ?? 0,
    telemetry: parts.ledger.status(),
  };
}
