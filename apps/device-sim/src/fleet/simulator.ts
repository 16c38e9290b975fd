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
import { fullableSteps } from "./faulty-disk.ts";
import { faultyNet } from "./faulty-net.ts";
import { corruptPercent, isDiskFull, type Victim } from "./faults.ts";
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
};

/** Many agents in one process. Each is the real agent with its own data folder, key, connection and telemetry. */
export type Simulator = {
  readonly devices: readonly DevicePlan[];
  agent(name: string): Agent | undefined;
  /** Resolves when every device is enrolled; rejects with the refusal when the server takes none of them. */
  readonly enrolled: Promise<void>;
  reloadFaults(): Promise<void>;
  stop(): Promise<void>;
};

/** A probe is a process of about 150 MB and a core: more at once would not be quicker. */
const CONCURRENT_PROBES = 2;
const RESTART_BACKOFF = { baseMs: 2_000, capMs: 30_000 } as const;

/** Starts all devices of a scenario; returns while they are starting. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { scenario, clock, log, dataDir } = options;
  await mkdir(dataDir, { recursive: true });
  const plans = planDevices(scenario, options.devices);
  const models = createLocalModels({ share: true, concurrentProbes: CONCURRENT_PROBES });
  const { ortVersion } = await models.facts();
  const faults = createFaultFile({ dataDir, scenarioPath: options.scenarioPath, initial: scenario.faults, clock, log });
  const stopping = new AbortController();
  const agents = new Map<string, Agent>();
  const shared: Shared = { options, models, faults, ortVersion, deviceCount: plans.length, startMs: clock.monotonicMs(), signal: stopping.signal, agents };
  const watching = faults.watch(stopping.signal);
  const enrolling = plans.map((plan) => runDevice(plan, shared));
  const enrolled = allEnrolled(enrolling, log);
  enrolled.catch(() => undefined);
  return {
    devices: plans,
    agent: (name) => agents.get(name),
    enrolled,
    reloadFaults: () => faults.reload(),
    async stop() {
      stopping.abort(new Error("the simulator is stopping"));
      await Promise.allSettled(enrolling);
      await Promise.all([...agents.values()].map((agent) => agent.stop()));
      await watching;
      await models.close();
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
};

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
  const victim: Victim = { name: plan.name, className: plan.class.name };
  const random: Random = { ...systemRandom, uniform: seeded(plan.seed) };
  return await startAgent(
    {
      clock,
      random,
      log,
      disk: createDisk(join(options.dataDir, "devices", plan.name), fullableSteps(() => isDiskFull(faults.current(), victim))),
      net: faultyNet(createNet(options.server), { network: plan.network, clock, random, startMs: shared.startMs, corruptPercent: () => corruptPercent(faults.current(), victim) }),
      models: simulatedModels(models, { victim, speedFactor: plan.class.speedFactor, faults: () => faults.current(), clock }),
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
