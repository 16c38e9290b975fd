import { mkdir } from "node:fs/promises";
import { freemem } from "node:os";
import { join } from "node:path";
import { FleetError } from "@flotilla/protocol";
import type { Logger } from "pino";
import { AGENT_DEFAULTS, startAgent, type Agent } from "../agent/agent.ts";
import { backoffMs } from "../agent/backoff.ts";
import type { Clock } from "../agent/clock.ts";
import { createDisk } from "../agent/disk.ts";
import { createLocalModels } from "../agent/local-models.ts";
import type { ModelPort } from "../agent/model.ts";
import { createNet } from "../agent/net.ts";
import { seededRandom, systemRandom, type Random } from "../agent/random.ts";
import type { Resources } from "../agent/resources.ts";
import { createFaultFile, type FaultFile } from "./fault-file.ts";
import { fullableSteps, slowSteps } from "./faulty-disk.ts";
import { faultyNet } from "./faulty-net.ts";
import type { RunningFleet } from "./crowd/crowd.ts";
import { corruptPercent, crashRate, diskDelayMs, extraLossPercent, isDiskFull, noNetwork, skewMs, type Faults, type Victim } from "./faults.ts";
import { FleetStats } from "./fleet-stats.ts";
import { countedNet, countInstalls } from "./observed-agent.ts";
import { deviceClassOf, planDevices, type DevicePlan, type Scenario } from "./scenario.ts";
import { simulatedModels } from "./simulated-models.ts";

export type SimulatorOptions = {
  readonly scenario: Scenario;
  readonly scenarioPath: string;
  readonly server: string;
  readonly enrollmentToken: string | null;
  readonly dataDir: string;
  /** In place of the scenario's number. */
  readonly devices?: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Shared by the simulations of a process and closed by their owner; without it the simulator has its own. */
  readonly models?: ModelPort;
};

/** Many agents in one process. Each is the real agent with its own data folder, key, connection and telemetry. */
export type Simulator = RunningFleet & {
  readonly devices: readonly DevicePlan[];
  agent(name: string): Agent | undefined;
  reloadFaults(): Promise<void>;
};

/** A probe is a process of about 150 MB and a core: more at once would not be quicker. */
const CONCURRENT_PROBES = 2;
const RESTART_BACKOFF = { baseMs: 2_000, capMs: 30_000 } as const;
/** How often the installs and ledgers of the agents are looked at, and whether one is to lose power. */
const LOOK_EVERY_MS = 1_000;

/** The models of this machine for simulated devices. */
export function simulatorModels(): ModelPort {
  return createLocalModels({ share: true, concurrentProbes: CONCURRENT_PROBES });
}

/** Starts all devices of a scenario; returns while they are starting. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { scenario, clock, log, dataDir } = options;
  await mkdir(dataDir, { recursive: true });
  const plans = planDevices(scenario, options.devices);
  const models = options.models ?? simulatorModels();
  const { ortVersion } = await models.facts();
  const faults = createFaultFile({ dataDir, scenarioPath: options.scenarioPath, initial: scenario.faults, clock, log, startMs: clock.monotonicMs() });
  const stopping = new AbortController();
  const agents = new Map<string, Agent>();
  const stats = new FleetStats();
  const shared: Shared = { options, models, faults, ortVersion, deviceCount: plans.length, startMs: clock.monotonicMs(), signal: stopping.signal, agents, stats };
  const watching = faults.watch(stopping.signal);
  const enrolling = plans.map((plan) => runDevice(plan, shared));
  const observing = observe(plans, shared);
  const enrolled = allEnrolled(enrolling, log);
  enrolled.catch(() => undefined);
  return {
    devices: plans,
    agent: (name) => agents.get(name),
    enrolled,
    reloadFaults: () => faults.reload(),
    setFaults: (injected) => faults.inject(injected),
    numbers: () => stats.look(plans.length, clock.monotonicMs() - shared.startMs),
    async stop() {
      stopping.abort(new Error("the simulator is stopping"));
      await Promise.allSettled(enrolling);
      await observing;
      await Promise.all([...agents.values()].map((agent) => agent.stop()));
      await watching;
      if (options.models === undefined) await models.close();
    },
  };
}

async function allEnrolled(enrolling: readonly Promise<void>[], log: Logger): Promise<void> {
  const results = await Promise.allSettled(enrolling);
  const refusals = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  if (refusals.length > 0) log.error({ refused: refusals.length, of: results.length, err: sentence(refusals[0]) }, "devices could not enrol");
  if (refusals.length > 0 && refusals.length === results.length) throw refusals[0];
}

type Shared = {
  readonly options: SimulatorOptions; readonly models: ModelPort; readonly faults: FaultFile; readonly ortVersion: string;
  readonly deviceCount: number; readonly startMs: number; readonly signal: AbortSignal; readonly agents: Map<string, Agent>;
  readonly stats: FleetStats;
};

/** Follows what the agents do, and takes the power from one where a fault says so. */
async function observe(plans: readonly DevicePlan[], shared: Shared): Promise<void> {
  const { clock, log } = shared.options;
  const installs = countInstalls(shared.stats);
  const restarting = new Set<Promise<void>>();
  while (!shared.signal.aborted) {
    await clock.sleep(LOOK_EVERY_MS, shared.signal);
    installs.look(shared.agents);
    for (const plan of plans) {
      const rate = crashRate(shared.faults.current(), victimOf(plan));
      const agent = shared.agents.get(plan.name);
      if (rate === null || agent === undefined || shared.signal.aborted || Math.random() > LOOK_EVERY_MS / rate.meanMs) continue;
      shared.stats.crashes += 1;
      shared.agents.delete(plan.name);
      const restart = agent.stop().then(async () => {
        await clock.sleep(rate.downMs, shared.signal);
        await runDevice({ ...plan, startAfterMs: 0 }, shared);
      }).catch((error: unknown) => log.warn({ device: plan.name, err: sentence(error) }, "the device did not come back")).finally(() => restarting.delete(restart));
      restarting.add(restart);
    }
  }
  await Promise.all(restarting);
}

function victimOf(plan: DevicePlan): Victim {
  return { name: plan.name, className: plan.class.name, luck: plan.luck };
}

/** Starts one device, again and again while its disk does not let it; resolves when it is enrolled. */
async function runDevice(plan: DevicePlan, shared: Shared): Promise<void> {
  const { signal, options } = shared;
  const log = options.log.child({ device: plan.name }, options.log.level === "info" ? { level: "warn" } : {});
  await options.clock.sleep(plan.startAfterMs, signal);
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      const agent = await startDevice(plan, shared, log);
      shared.agents.set(plan.name, agent);
      return await agent.enrolled;
    } catch (error) {
      if (error instanceof FleetError) throw error;
      log.warn({ err: sentence(error) }, "the device did not start; trying again");
      await options.clock.sleep(backoffMs(failures, systemRandom, RESTART_BACKOFF), signal);
    }
  }
}

function sentence(error: unknown): string {
  if (error instanceof FleetError) return `${error.public} (${error.code})`;
  return error instanceof Error ? error.message : String(error);
}

async function startDevice(plan: DevicePlan, shared: Shared, log: Logger): Promise<Agent> {
  const { options, models, faults } = shared;
  const { scenario, clock } = options;
  const victim = victimOf(plan);
  const now = (): Faults => faults.current();
  const random: Random = { ...systemRandom, uniform: seeded(plan.seed) };
  return await startAgent(
    {
      clock: { ...clock, monotonicMs: () => clock.monotonicMs(), sleep: (ms, signal) => clock.sleep(ms, signal), wallMs: () => clock.wallMs() + skewMs(now(), victim, clock.monotonicMs() - shared.startMs) },
      random,
      log,
      disk: createDisk(join(options.dataDir, "devices", plan.name), slowSteps(() => clock.sleep(diskDelayMs(now(), victim)), fullableSteps(() => isDiskFull(now(), victim)))),
      net: countedNet(
        faultyNet(createNet(options.server), {
          network: plan.network, clock, random, startMs: shared.startMs, corruptPercent: () => corruptPercent(now(), victim),
          noNetwork: () => noNetwork(now(), victim), extraLossPercent: () => extraLossPercent(now(), victim),
        }),
        shared.stats, clock,
      ),
      models: simulatedModels(models, { victim, speedFactor: plan.class.speedFactor, faults: now, clock, stats: shared.stats }),
    },
    {
      ...AGENT_DEFAULTS,
      server: options.server,
      name: plan.name,
      labels: plan.labels,
      deviceClass: deviceClassOf(plan.class, shared.ortVersion),
      enrollmentToken: options.enrollmentToken,
      input: { kind: "synthetic", seed: plan.seed % 1_000 },
      inferenceIntervalMs: scenario.inferenceIntervalMs,
      inferPort: null,
      windowMs: scenario.windowMs,
      probation: scenario.probation,
      resources: () => simulatedResources(plan, shared),
    },
  );
}

/** Behaviour repeats with the seed; ids must not, or two runs would pass for one. */
function seeded(seed: number): () => number {
  const random = seededRandom(seed);
  return () => random.uniform();
}

/** The device's part of this process, within the memory it pretends to have. */
async function simulatedResources(plan: DevicePlan, shared: Shared): Promise<Resources> {
  const rssBytes = Math.round((process.memoryUsage.rss() + (await shared.models.rssBytes())) / shared.deviceCount);
  return { rssBytes, freeMemoryBytes: Math.max(Math.min(freemem(), plan.class.memoryBytes - rssBytes), 0), temperatureC: null };
}
