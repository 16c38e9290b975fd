import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { FleetError } from "@flotilla/protocol";
import { pino } from "pino";
import { z } from "zod";
import { systemClock } from "./agent/clock.ts";
import { lockDataFolder } from "./data-folder-lock.ts";
import { readEnv } from "./env.ts";
import { readScenario } from "./fleet/scenario.ts";
import { startSimulator, type Simulator } from "./fleet/simulator.ts";
import { endCleanly } from "./lifecycle.ts";
import { UsageError } from "./usage-error.ts";

export const SIM_USAGE = `sim: runs a simulated fleet; its devices are marked as simulated wherever they show

  --scenario FILE     device classes, network and faults (see apps/device-sim/scenarios/)
  --server URL        where devices reach the platform (required)
  --token TOKEN       enrolment token; needed until the devices are enrolled
  --data-dir DIR      data folders of the devices (default .flotilla-sim)
  --devices N         number of devices, in place of the scenario's

  DIR/faults.json, while it exists, replaces the scenario's faults; SIGHUP reads the scenario's faults again.`;

const OPTIONS = { scenario: { type: "string" }, server: { type: "string" }, token: { type: "string" }, "data-dir": { type: "string" }, devices: { type: "string" } } as const;

const flagsSchema = z.object({
  scenario: z.string({ error: "name a scenario file" }).min(1),
  server: z.url({ protocol: /^https?$/, error: "give the server's address as http://… or https://…" }),
  // Empty where a compose file leaves the variable unset: the devices are enrolled already.
  token: z.string().optional().transform((token) => (token === "" ? undefined : token)),
  "data-dir": z.string().min(1).default(".flotilla-sim"),
  devices: z.coerce.number().int().min(1).max(10_000).optional(),
});

/** Runs a simulated fleet until it is stopped. Rejects with a sentence for people when it cannot start. */
export async function runSimCommand(args: readonly string[]): Promise<void> {
  const flags = parseFlags(args);
  const env = readEnv();
  const log = pino({ level: env.LOG_LEVEL, base: { process: "simulator" } });
  const scenarioPath = resolve(flags.scenario);
  const scenario = await readScenario(scenarioPath);
  const dataDir = resolve(flags["data-dir"]);
  const lock = await lockDataFolder(dataDir);
  let simulator: Simulator | null = null;
  const stop = async (): Promise<void> => {
    await simulator?.stop();
    await lock.release();
  };
  endCleanly({ log, parentPid: env.FLOTILLA_PARENT_PID, stop });
  simulator = await startSimulator({
    scenario, scenarioPath, dataDir, log, clock: systemClock, server: flags.server, enrollmentToken: flags.token ?? null,
    ...(flags.devices === undefined ? {} : { devices: flags.devices }),
  });
  process.on("SIGHUP", () => void simulator?.reloadFaults());
  log.info({ url: flags.server, devices: simulator.devices.length }, "ready");
  try {
    await simulator.enrolled;
    log.info({ devices: simulator.devices.length }, "all devices are enrolled");
  } catch (error) {
    await stop();
    throw error instanceof FleetError ? new Error(`no device can enrol: ${error.public} (${error.code})`, { cause: error }) : error;
  }
}

function parseFlags(args: readonly string[]): z.infer<typeof flagsSchema> {
  let values: unknown;
  try {
    ({ values } = parseArgs({ args: [...args], options: OPTIONS }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), SIM_USAGE);
  }
  const parsed = flagsSchema.safeParse(values);
  if (!parsed.success) throw new UsageError(z.prettifyError(parsed.error), SIM_USAGE);
  return parsed.data;
}
