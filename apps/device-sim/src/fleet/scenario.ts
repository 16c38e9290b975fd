import { readFile } from "node:fs/promises";
import { deviceNameSchema, labelKeySchema, labelValueSchema, labelsSchema, type DeviceClass, type Labels } from "@flotilla/protocol";
import { z } from "zod";
import { seededRandom, type Random } from "../agent/random.ts";
import { faultsSchema } from "./faults.ts";

/** More devices need more processes. */
export const MAX_DEVICES = 1_000_000;
/** Above so many devices `auto` means a crowd: an agent takes some megabytes and a folder. */
const AGENTS_AT_MOST = 200;

const milliseconds = z.number().nonnegative().max(86_400_000);

export const networkSchema = z.strictObject({
  /** Added to every request. */
  latencyMs: milliseconds.default(0),
  /** More than that, drawn for each request: up to so much (uniform), so much on average (exponential), or with this median (lognormal: a long tail). */
  jitterMs: milliseconds.default(0),
  jitter: z.enum(["uniform", "exponential", "lognormal"]).default("uniform"),
  /** Bytes per second that a download gets at most; 0: as fast as it comes. */
  bytesPerSecond: z.number().int().nonnegative().default(0),
  /** Requests that get no answer; half of them have reached the server. Downloads are cut somewhere instead. */
  lossPercent: z.number().min(0).max(100).default(0),
  /** Times without network, counted from the start of the simulator; `everyMs` repeats them. */
  offlineWindows: z.array(z.strictObject({ afterMs: milliseconds, durationMs: milliseconds.positive(), everyMs: milliseconds.positive().optional() })).default([]),
});
export type Network = z.infer<typeof networkSchema>;

/** Spread of the lognormal jitter: one request in a hundred takes about ten times the median. */
const LOGNORMAL_SIGMA = 1;

/** The delay of one request. */
export function drawLatencyMs(network: Network, random: Pick<Random, "uniform">): number {
  const { latencyMs, jitterMs, jitter } = network;
  if (jitterMs === 0) return latencyMs;
  const u = random.uniform();
  if (jitter === "uniform") return latencyMs + u * jitterMs;
  if (jitter === "exponential") return latencyMs - Math.log(1 - u) * jitterMs;
  const normal = Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * random.uniform());
  return latencyMs + jitterMs * Math.exp(LOGNORMAL_SIGMA * normal);
}

/** Whether a time without network runs, `elapsedMs` after the start of the simulation. */
export function isOffline(network: Network, elapsedMs: number): boolean {
  return network.offlineWindows.some(({ afterMs, durationMs, everyMs }) => {
    const since = elapsedMs - afterMs;
    return since >= 0 && (everyMs === undefined ? since : since % everyMs) < durationMs;
  });
}

const classSchema = z.strictObject({
  name: labelValueSchema.min(1),
  arch: z.string().min(1).max(32),
  isa: z.array(z.string().max(32)).default([]),
  executionProvider: z.string().max(64).default("cpu"),
  /** Latency of the class = latency measured on this machine × speedFactor. */
  speedFactor: z.number().positive().max(10_000),
  memoryBytes: z.number().int().positive(),
  /** Part of the fleet, relative to the other classes' shares. */
  share: z.number().positive(),
  labels: labelsSchema.default({}),
  /** In place of the scenario's network. */
  network: networkSchema.optional(),
});
export type SimulatedClass = z.infer<typeof classSchema>;

export const scenarioSchema = z.strictObject({
  seed: z.number().int().default(1),
  devices: z.number().int().min(1).max(MAX_DEVICES),
  /** `agents`: each device is the whole agent with a folder of its own. `crowd`: small devices in memory, for thousands. */
  mode: z.enum(["auto", "agents", "crowd"]).default("auto"),
  namePrefix: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/).default("sim"),
  classes: z.array(classSchema).min(1).max(64).refine((list) => new Set(list.map((c) => c.name)).size === list.length, "two classes have the same name"),
  /** On every device. */
  labels: labelsSchema.default({}),
  /** Each device takes one value of each, spread evenly. */
  labelChoices: z.record(labelKeySchema, z.array(labelValueSchema).min(1)).default({}),
  network: networkSchema.prefault({}),
  faults: faultsSchema.prefault({}),
  windowMs: z.number().int().min(1_000).max(3_600_000).default(60_000),
  inferenceIntervalMs: z.number().int().min(0).max(86_400_000).default(500),
  /** Devices start within this time of each other. */
  startupSpreadMs: milliseconds.default(2_000),
  /** The simulation ends by itself after this; 0: when it is stopped. */
  durationMs: z.number().int().min(0).max(31 * 86_400_000).default(0),
  /** Devices wait uniform(0.5, 1.5) of this between syncs instead of what the server says: for load tests. */
  syncIntervalMs: z.number().int().min(1).max(86_400_000).optional(),
  /** Windows a crowd's device keeps without a server before it declares the oldest dropped. */
  queuedWindows: z.number().int().min(1).max(100_000).default(8_000),
  /** `each`: every device of a crowd fetches and hashes every artifact. `once`: the first one does, for all. */
  downloads: z.enum(["each", "once"]).default("each"),
  probation: z.strictObject({ inferences: z.number().int().positive(), ms: milliseconds.positive() }).default({ inferences: 5, ms: 15_000 }),
});
export type Scenario = z.infer<typeof scenarioSchema>;

/** How the devices of a scenario are made. */
export function modeOf(scenario: Scenario, devices: number = scenario.devices): "agents" | "crowd" {
  if (scenario.mode !== "auto") return scenario.mode;
  return devices <= AGENTS_AT_MOST ? "agents" : "crowd";
}

/** Reads a scenario. Rejects with all that is wrong with it. */
export async function readScenario(path: string): Promise<Scenario> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new Error(`the scenario ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const parsed = scenarioSchema.safeParse(json);
  if (!parsed.success) throw new Error(`the scenario ${path} is not valid:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** One device of a simulated fleet. */
export type DevicePlan = { readonly name: string; readonly class: SimulatedClass; readonly labels: Labels; readonly network: Network; readonly seed: number; readonly startAfterMs: number; /** Its place in [0, 1) among all, for faults that hit a share. */ readonly luck: number };

/** The devices of a scenario: the same for the same scenario, whatever happens around it. */
export function planDevices(scenario: Scenario, count: number = scenario.devices): DevicePlan[] {
  const random = seededRandom(scenario.seed);
  const plans: DevicePlan[] = [];
  const labelSets = new Map<string, Labels>();
  const digits = String(count).length;
  apportion(scenario.classes.map((c) => c.share), count).forEach((classCount, at) => {
    const deviceClass = scenario.classes[at];
    for (let n = 1; deviceClass !== undefined && n <= classCount; n += 1) {
      const name = deviceNameSchema.parse(`${scenario.namePrefix}-${deviceClass.name}-${String(n).padStart(Math.max(digits, 2), "0")}`);
      const chosen = Object.fromEntries(Object.entries(scenario.labelChoices).map(([key, values]) => [key, values[(plans.length + n) % values.length] ?? ""]));
      // Few different sets are shared by many devices.
      const labelKey = `${deviceClass.name} ${Object.values(chosen).join(" ")}`;
      const labels = labelSets.get(labelKey) ?? { ...scenario.labels, ...chosen, ...deviceClass.labels };
      labelSets.set(labelKey, labels);
      const seed = Math.floor(random.uniform() * 2 ** 32);
      plans.push({
        name,
        class: deviceClass,
        labels,
        network: deviceClass.network ?? scenario.network,
        seed,
        startAfterMs: random.uniform() * scenario.startupSpreadMs,
        luck: seededRandom(seed ^ 0x5bd1e995).uniform(),
      });
    }
  });
  return plans;
}

/** Whole numbers in the proportion of `shares` that sum to `total` (largest remainders). */
export function apportion(shares: readonly number[], total: number): number[] {
  const sum = shares.reduce((a, b) => a + b, 0);
  const exact = shares.map((share) => (share / sum) * total);
  const counts = exact.map(Math.floor);
  const byRemainder = exact.map((value, at) => ({ at, rest: value - Math.floor(value) })).toSorted((a, b) => b.rest - a.rest || a.at - b.at);
  let left = total - counts.reduce((a, b) => a + b, 0);
  for (const { at } of byRemainder) {
    if (left === 0) break;
    counts[at] = (counts[at] ?? 0) + 1;
    left -= 1;
  }
  return counts;
}

/** What the device says of itself: marked as simulated, so that its numbers are. */
export function deviceClassOf(simulated: SimulatedClass, ortVersion: string): DeviceClass {
  return {
    name: simulated.name,
    arch: simulated.arch,
    isa: simulated.isa,
    runtime: { name: "onnxruntime-node", version: ortVersion },
    executionProvider: simulated.executionProvider,
    memoryBytes: simulated.memoryBytes,
    simulated: true,
  };
}
