import { readFile } from "node:fs/promises";
import { deviceNameSchema, labelKeySchema, labelValueSchema, labelsSchema, type DeviceClass, type Labels } from "@flotilla/protocol";
import { z } from "zod";
import { seededRandom } from "../agent/random.ts";
import { faultsSchema } from "./faults.ts";

const milliseconds = z.number().nonnegative().max(86_400_000);

export const networkSchema = z.strictObject({
  /** Added to every request. */
  latencyMs: milliseconds.default(0),
  /** Up to so much more, drawn for each request. */
  jitterMs: milliseconds.default(0),
  /** Requests that get no answer; half of them have reached the server. Downloads are cut somewhere instead. */
  lossPercent: z.number().min(0).max(100).default(0),
  /** Times without network, counted from the start of the simulator; `everyMs` repeats them. */
  offlineWindows: z.array(z.strictObject({ afterMs: milliseconds, durationMs: milliseconds.positive(), everyMs: milliseconds.positive().optional() })).default([]),
});
export type Network = z.infer<typeof networkSchema>;

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
  devices: z.number().int().min(1).max(10_000),
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
  probation: z.strictObject({ inferences: z.number().int().positive(), ms: milliseconds.positive() }).default({ inferences: 5, ms: 15_000 }),
});
export type Scenario = z.infer<typeof scenarioSchema>;

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
export type DevicePlan = { readonly name: string; readonly class: SimulatedClass; readonly labels: Labels; readonly network: Network; readonly seed: number; readonly startAfterMs: number };

/** The devices of a scenario: the same for the same scenario, whatever happens around it. */
export function planDevices(scenario: Scenario, count: number = scenario.devices): DevicePlan[] {
  const random = seededRandom(scenario.seed);
  const plans: DevicePlan[] = [];
  const digits = String(count).length;
  apportion(scenario.classes.map((c) => c.share), count).forEach((classCount, at) => {
    const deviceClass = scenario.classes[at];
    for (let n = 1; deviceClass !== undefined && n <= classCount; n += 1) {
      const name = deviceNameSchema.parse(`${scenario.namePrefix}-${deviceClass.name}-${String(n).padStart(Math.max(digits, 2), "0")}`);
      const chosen = Object.fromEntries(Object.entries(scenario.labelChoices).map(([key, values]) => [key, values[(plans.length + n) % values.length] ?? ""]));
      plans.push({
        name,
        class: deviceClass,
        labels: { ...scenario.labels, ...chosen, ...deviceClass.labels },
        network: deviceClass.network ?? scenario.network,
        seed: Math.floor(random.uniform() * 2 ** 32),
        startAfterMs: random.uniform() * scenario.startupSpreadMs,
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
