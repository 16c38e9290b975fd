import { z } from "@hono/zod-openapi";
import type { SimulationFaults, SimulationNumbers, SimulationOrder, SimulationPage, SimulationReport, SimulationScenario, SimulationView } from "@flotilla/fleet";

const percent = z.number().min(0).max(100);

export const simulationFaultsSchema = z.strictObject({
  outage: z.boolean().optional().openapi({ description: "No device has a network" }),
  lossPercent: percent.optional().openapi({ description: "So many of a hundred requests get no answer" }),
  slowFactor: z.number().positive().max(1_000).optional().openapi({ description: "Inferences take so many times longer" }),
  crashEverySeconds: z.number().min(0).max(86_400).optional().openapi({ description: "Each device loses power about so often" }),
  silentPercent: percent.optional().openapi({ description: "So many of a hundred devices fall silent" }),
  badClass: z.string().max(63).optional().openapi({ description: "Every build that is installed on this device class crashes" }),
}).openapi("SimulationFaults") satisfies z.ZodType<SimulationFaults>;

const count = z.number().nonnegative();
const milliseconds = z.number().nonnegative().nullable();
const quantilesSchema = z.object({ p50: milliseconds, p95: milliseconds, p99: milliseconds, max: milliseconds });

const numbersSchema = z.object({
  enrolled: count, online: count, elapsedMs: count, syncs: count, syncsPerSecond: count, syncLatencyMs: quantilesSchema,
  errors: z.record(z.string().max(200), count),
  installs: z.object({ succeeded: count, failed: count, rolledBack: count }), windows: z.object({ produced: count, acked: count, dropped: count }),
  inferences: z.object({ count, errors: count, latencyMs: quantilesSchema }), crashes: count, cpuPercent: count, rssBytes: count,
}).openapi("SimulationNumbers") satisfies z.ZodType<SimulationNumbers>;

export const simulationSchema = z.object({
  id: z.string(), name: z.string(), scenario: z.string(), devices: z.number(), seed: z.number(), wanted: z.enum(["running", "stopped"]),
  state: z.enum(["waiting", "starting", "running", "stopping", "stopped", "failed", "lost"]), problem: z.string().nullable(), faults: simulationFaultsSchema, numbers: numbersSchema.nullable(),
  query: z.string().openapi({ description: "A label query that selects its devices" }),
  heartbeatAt: z.string().nullable(), startedAt: z.string().nullable(), createdAt: z.string(), createdByName: z.string(),
}).openapi("Simulation") satisfies z.ZodType<SimulationView>;

export const simulationPageSchema = z.object({
  items: z.array(simulationSchema), nextCursor: z.string().nullable(), runners: z.number().openapi({ description: "Simulator processes that are there to run what is wanted" }),
}) satisfies z.ZodType<SimulationPage>;

export const simulationScenariosSchema = z.object({
  items: z.array(z.object({ name: z.string(), title: z.string(), text: z.string(), devices: z.number(), classes: z.array(z.string()) }) satisfies z.ZodType<SimulationScenario>),
});

export const simulationReportSchema = z.object({
  id: z.string().max(64), state: z.enum(["starting", "running", "stopping", "stopped", "failed"]), problem: z.string().max(2_000).optional(), numbers: numbersSchema.optional(),
}) satisfies z.ZodType<SimulationReport>;

export const simulationOrdersSchema = z.object({
  run: z.array(z.object({ id: z.string(), name: z.string(), scenario: z.string(), devices: z.number(), seed: z.number(), faults: simulationFaultsSchema }) satisfies z.ZodType<SimulationOrder>),
});
