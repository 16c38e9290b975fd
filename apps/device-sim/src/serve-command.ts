import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import type { Logger } from "pino";
import { systemClock } from "./agent/clock.ts";
import { lockDataFolder } from "./data-folder-lock.ts";
import { ordersSchema, ServedFleets } from "./fleet/served-fleets.ts";
import { simulatorModels } from "./fleet/simulator.ts";
import { endCleanly } from "./lifecycle.ts";
import { callOperator, enrolmentTokenFor, readCredentials } from "./operator-access.ts";

/** The platform hears of the fleets, and they of it, so often. */
const ASK_EVERY_MS = 2_000;
/** Fleets that one process runs at once. */
const PLACES = 10;

export type ServeOptions = {
  readonly credentials: string; readonly dataDir: string; readonly scenarioDir: string; readonly connections: number; readonly parentPid: number | undefined; readonly log: Logger;
  /** The launcher's fleet: "<simulation id>" with the token its devices enrolled with, kept in the data folder itself. */
  readonly kept?: { readonly id: string; readonly token: string };
};

/** Runs what is wanted on the dashboard's Simulator page, until the process is stopped. Rejects with a sentence for people when it cannot start. */
export async function serveSimulations(options: ServeOptions): Promise<void> {
  const { log } = options;
  const operator = await readCredentials(options.credentials);
  const dataDir = resolve(options.dataDir);
  const lock = await lockDataFolder(dataDir);
  const models = simulatorModels();
  const stopping = new AbortController();
  const runner = `sim-${randomBytes(6).toString("hex")}`;
  const fleets = new ServedFleets({
    scenarioDir: options.scenarioDir, dataDir, server: operator.gatewayUrl, models, connections: options.connections, log,
    ...(options.kept === undefined ? {} : { kept: { ...options.kept, dataDir } }),
    tokenFor: (order, labels) => enrolmentTokenFor(operator, { name: `Simulation ${order.name}`, devices: order.devices, labels }),
  });
  endCleanly({
    log, parentPid: options.parentPid,
    async stop() {
      stopping.abort();
      await fleets.stop();
      await callOperator(operator, "POST", "/simulations/serve", { runner, reports: fleets.reports(), places: 0 }).catch(() => undefined);
      await models.close();
      await lock.release();
    },
  });
  log.info({ url: operator.url, runner }, "ready");
  let isSilent = false;
  while (!stopping.signal.aborted) {
    const reports = fleets.reports();
    try {
      const answer = ordersSchema.parse(await callOperator(operator, "POST", "/simulations/serve", { runner, reports, places: PLACES }));
      if (stopping.signal.aborted) return;
      fleets.apply(answer.run, reports);
      if (isSilent) log.info("the platform answers again");
      isSilent = false;
    } catch (error) {
      if (!isSilent) log.warn({ err: error instanceof Error ? error.message : String(error) }, "the platform does not answer; the fleets go on");
      isSilent = true;
    }
    await systemClock.sleep(ASK_EVERY_MS, stopping.signal);
  }
}
