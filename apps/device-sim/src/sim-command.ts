import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { FleetError } from "@flotilla/protocol";
import { pino, type Logger } from "pino";
import { z } from "zod";
import { systemClock } from "./agent/clock.ts";
import { lockDataFolder } from "./data-folder-lock.ts";
import { readEnv } from "./env.ts";
import { DEFAULT_CONNECTIONS, exportDevices, startCrowd, type RunningFleet } from "./fleet/crowd/crowd.ts";
import { rehearse } from "./fleet/crowd/rehearsal.ts";
import { MAX_DEVICES, modeOf, readScenario, type Scenario } from "./fleet/scenario.ts";
import { simulatorModels, startSimulator, type Simulator } from "./fleet/simulator.ts";
import { endCleanly } from "./lifecycle.ts";
import { enrolmentTokenFor, readCredentials, type Operator } from "./operator-access.ts";
import { serveSimulations } from "./serve-command.ts";
import { progressLine, summaryOf } from "./sim-summary.ts";
import { UsageError } from "./usage-error.ts";

export const SCENARIO_DIR = join(import.meta.dirname, "../scenarios");

export const SIM_USAGE = `sim: runs a simulated fleet; its devices are marked as simulated wherever they show

  --scenario NAME     a scenario of apps/device-sim/scenarios (demo, flaky-4g, herd, …) or a file
  --devices N         number of devices, in place of the scenario's
  --seed N            same seed, same fleet and same luck
  --duration SECONDS  ends by itself, with a summary
  --server URL        where devices reach the platform
  --token TOKEN       enrolment token; needed until the devices are enrolled
  --credentials FILE  in place of the two: of a running \`npm start\` (default .flotilla/credentials.json)
  --data-dir DIR      what the fleet keeps (default .flotilla-sim)
  --connections N     sockets that a crowd shares (default ${DEFAULT_CONNECTIONS})
  --every SECONDS     a line of numbers so often (default 5)
  --rehearse          plays the scenario in simulated time against a made-up server, prints the summary and ends
  --events FILE       with --rehearse: what every device did; two runs of a seed write the same file
  --export FILE       writes name, public key, class and labels of every device and ends; with DIR/enrolled.tsv
                      (name, tab, device id; a line each) the fleet then needs no token
  --serve             runs what is started on the dashboard's Simulator page, until it is stopped; needs --credentials only

  DIR/faults.json, while it exists, replaces the scenario's faults (up to 200 devices); SIGHUP reads the scenario's faults again.`;

const OPTIONS = {
  scenario: { type: "string" }, server: { type: "string" }, token: { type: "string" }, credentials: { type: "string" }, "data-dir": { type: "string" }, devices: { type: "string" },
  seed: { type: "string" }, duration: { type: "string" }, connections: { type: "string" }, every: { type: "string" }, rehearse: { type: "boolean" }, events: { type: "string" }, export: { type: "string" }, serve: { type: "boolean" }, "kept-simulation": { type: "string" },
} as const;

const flagsSchema = z.object({
  scenario: z.string().min(1).optional(),
  server: z.url({ protocol: /^https?$/, error: "give the server's address as http://… or https://…" }).optional(),
  // Empty where a compose file leaves the variable unset: the devices are enrolled already.
  token: z.string().optional().transform((token) => (token === "" ? undefined : token)),
  credentials: z.string().min(1).default(".flotilla/credentials.json"),
  "data-dir": z.string().min(1).default(".flotilla-sim"),
  devices: z.coerce.number().int().min(1).max(MAX_DEVICES).optional(),
  seed: z.coerce.number().int().optional(),
  duration: z.coerce.number().min(0).max(31 * 86_400).optional(),
  connections: z.coerce.number().int().min(2).max(20_000).default(DEFAULT_CONNECTIONS),
  every: z.coerce.number().min(0.5).max(3_600).default(5),
  rehearse: z.boolean().default(false),
  events: z.string().min(1).optional(),
  export: z.string().min(1).optional(),
  serve: z.boolean().default(false),
  /** For the launcher: this simulation keeps its devices in the data folder itself and enrols them with --token. */
  "kept-simulation": z.string().min(1).optional(),
});
type Flags = z.infer<typeof flagsSchema>;

/** Runs a simulated fleet until it is stopped or its time is over. Rejects with a sentence for people when it cannot start. */
export async function runSimCommand(args: readonly string[]): Promise<void> {
  const flags = parseFlags(args);
  const env = readEnv();
  const log = pino({ level: env.LOG_LEVEL, base: { process: "simulator" } });
  if (flags.serve) return await serve(flags, env.FLOTILLA_PARENT_PID, log);
  if (flags.scenario === undefined) throw new UsageError("--scenario: name a scenario or a scenario file", SIM_USAGE);
  const scenarioPath = scenarioFile(flags.scenario);
  const scenario = withFlags(await readScenario(scenarioPath), flags);
  if (flags.export !== undefined) return await writeDevices(scenario, resolve(flags["data-dir"]), flags.export);
  if (flags.rehearse) return await rehearseOnly(scenario, flags);
  const operator = flags.server === undefined ? await readCredentials(flags.credentials) : null;
  const server = flags.server ?? operator?.gatewayUrl ?? "";
  const dataDir = resolve(flags["data-dir"]);
  const lock = await lockDataFolder(dataDir);
  const models = simulatorModels();
  let fleet: RunningFleet | null = null;
  const ending = new AbortController();
  const stop = async (): Promise<void> => {
    ending.abort();
    const numbers = fleet?.numbers();
    await fleet?.stop();
    await models.close();
    await lock.release();
    if (numbers !== undefined) process.stdout.write(`${summaryOf(numbers)}\n`);
  };
  endCleanly({ log, parentPid: env.FLOTILLA_PARENT_PID, stop });
  fleet = await start(scenario, { flags, server, dataDir, scenarioPath, models, log, token: flags.token ?? (await tokenFor(operator, scenario)) });
  log.info({ url: server, devices: scenario.devices, mode: modeOf(scenario) }, "ready");
  void tellProgress(fleet, flags.every, log, ending.signal);
  if (scenario.durationMs > 0) setTimeout(() => process.kill(process.pid, "SIGTERM"), scenario.durationMs).unref();
  try {
    await fleet.enrolled;
    log.info({ devices: scenario.devices }, "all devices are enrolled");
  } catch (error) {
    await stop();
    throw error instanceof FleetError ? new Error(`no device can enrol: ${error.public} (${error.code})`, { cause: error }) : error;
  }
}

async function serve(flags: Flags, parentPid: number | undefined, log: Logger): Promise<void> {
  const kept = flags["kept-simulation"] === undefined || flags.token === undefined ? {} : { kept: { id: flags["kept-simulation"], token: flags.token } };
  await serveSimulations({ credentials: flags.credentials, dataDir: flags["data-dir"], scenarioDir: SCENARIO_DIR, connections: flags.connections, parentPid, log, ...kept });
}

type Start = { flags: Flags; server: string; dataDir: string; scenarioPath: string; models: ReturnType<typeof simulatorModels>; log: Logger; token: string | null };

async function start(scenario: Scenario, { flags, server, dataDir, scenarioPath, models, log, token }: Start): Promise<RunningFleet> {
  if (modeOf(scenario) === "crowd") {
    // Thousands of devices make garbage at a rate at which the small nursery that cli.ts asks for costs half of the CPU.
    setFlagsFromString("--semi-space-growth-factor=2");
    return await startCrowd({ scenario, server, enrollmentToken: token, dataDir, models, log, connections: flags.connections });
  }
  const simulator: Simulator = await startSimulator({ scenario, scenarioPath, dataDir, log, clock: systemClock, server, enrollmentToken: token, models });
  process.on("SIGHUP", () => void simulator.reloadFaults());
  return simulator;
}

async function tokenFor(operator: Operator | null, scenario: Scenario): Promise<string | null> {
  return operator === null ? null : await enrolmentTokenFor(operator, { name: `Simulated fleet ${scenario.namePrefix}`, devices: scenario.devices, labels: {} });
}

async function writeDevices(scenario: Scenario, dataDir: string, file: string): Promise<void> {
  const models = simulatorModels();
  const { ortVersion } = await models.facts();
  await models.close();
  const lines: string[] = [];
  exportDevices(scenario, dataDir, ortVersion, (line) => lines.push(line));
  await writeFile(file, `${lines.join("\n")}\n`);
  process.stdout.write(`${lines.length} devices written to ${file}; their keys come from ${dataDir}\n`);
}

async function rehearseOnly(scenario: Scenario, flags: Flags): Promise<void> {
  const beganMs = performance.now();
  const run = rehearse(scenario, { keepEvents: flags.events !== undefined });
  if (flags.events !== undefined) await writeFile(flags.events, `${run.events.join("\n")}\n`);
  const schedule = run.faultSchedule.map((ms) => `${(ms / 1_000).toFixed(0)} s`).join(", ");
  process.stdout.write(
    `rehearsed ${(run.numbers.elapsedMs / 1_000).toFixed(0)} s of ${scenario.devices} devices (seed ${scenario.seed}) in ${((performance.now() - beganMs) / 1_000).toFixed(1)} s; ` +
      `faults change at: ${schedule === "" ? "never" : schedule}\n${summaryOf(run.numbers)}\n`,
  );
}

async function tellProgress(fleet: RunningFleet, everySeconds: number, log: Logger, signal: AbortSignal): Promise<void> {
  for (;;) {
    await systemClock.sleep(everySeconds * 1_000, signal);
    if (signal.aborted) return;
    const numbers = fleet.numbers();
    log.info({ numbers }, progressLine(numbers));
  }
}

/** A name means a shipped scenario, anything with a slash or an ending a file. */
export function scenarioFile(scenario: string): string {
  return /[/\\.]/.test(scenario) ? resolve(scenario) : join(SCENARIO_DIR, `${scenario}.json`);
}

function withFlags(scenario: Scenario, flags: Flags): Scenario {
  return {
    ...scenario,
    ...(flags.devices === undefined ? {} : { devices: flags.devices }),
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
    ...(flags.duration === undefined ? {} : { durationMs: flags.duration * 1_000 }),
  };
}

function parseFlags(args: readonly string[]): Flags {
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
