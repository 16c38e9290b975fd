import { join } from "node:path";
import { FleetError } from "@flotilla/protocol";
import type { Logger } from "pino";
import { z } from "zod";
import { systemClock } from "../agent/clock.ts";
import type { ModelPort } from "../agent/model.ts";
import { startCrowd, type RunningFleet } from "./crowd/crowd.ts";
import { injectedFaultsSchema, withInjected, type InjectedFaults } from "./injected-faults.ts";
import { modeOf, readScenario, type Scenario } from "./scenario.ts";
import { startSimulator } from "./simulator.ts";

export const ordersSchema = z.object({
  run: z.array(z.object({ id: z.string().regex(/^[a-z0-9_]{3,64}$/), name: z.string(), scenario: z.string().regex(/^[a-z0-9-]{1,64}$/), devices: z.number().int().positive(), seed: z.number().int(), faults: injectedFaultsSchema })),
});
/** What the platform wants to run. */
export type Order = z.infer<typeof ordersSchema>["run"][number];

export type Report = { readonly id: string; readonly state: "starting" | "running" | "stopping" | "stopped" | "failed"; readonly problem?: string; readonly numbers?: unknown };

export type ServedOptions = {
  readonly scenarioDir: string;
  readonly dataDir: string;
  readonly server: string;
  readonly models: ModelPort;
  readonly connections: number;
  readonly log: Logger;
  /** A token for so many devices of this order; they get the labels. */
  tokenFor(order: Order, labels: Readonly<Record<string, string>>): Promise<string>;
  /** Fleets that keep a folder and an enrolment of their own, by the order's id: the launcher's demo fleet. */
  readonly kept?: { readonly id: string; readonly dataDir: string; readonly token: string };
};

type Held = { order: Order; state: Report["state"]; problem: string | null; scenario: Scenario | null; fleet: RunningFleet | null; isUnwanted: boolean; ended: Promise<void> };

/** The fleets that a serving simulator runs: made to agree with what is wanted, again and again. */
export class ServedFleets {
  readonly #options: ServedOptions;
  readonly #held = new Map<string, Held>();

  constructor(options: ServedOptions) {
    this.#options = options;
  }

  reports(): Report[] {
    return [...this.#held.values()].map(({ order, state, problem, fleet }) => {
      const numbers = fleet?.numbers();
      return {
        id: order.id, state, ...(problem === null ? {} : { problem }),
        ...(numbers === undefined ? {} : { numbers: { ...numbers, cpuPercent: numbers.process.cpuPercent, rssBytes: numbers.process.rssBytes } }),
      };
    });
  }

  /** Starts what is missing, stops what is not wanted any more, and hands changed faults on. Fleets whose end was reported are forgotten. */
  apply(wanted: readonly Order[], reported: readonly Report[]): void {
    for (const { id, state } of reported) if (state === "stopped" || state === "failed") this.#held.delete(id);
    const byId = new Map(wanted.map((order) => [order.id, order]));
    for (const held of this.#held.values()) {
      const order = byId.get(held.order.id);
      if (order === undefined || order.devices !== held.order.devices || order.seed !== held.order.seed) this.#leave(held);
      else if (JSON.stringify(order.faults) !== JSON.stringify(held.order.faults)) {
        held.order = order;
        inject(held, order.faults);
      }
    }
    for (const order of wanted) if (!this.#held.has(order.id)) this.#start(order);
  }

  async stop(): Promise<void> {
    for (const held of this.#held.values()) this.#leave(held);
    await Promise.all([...this.#held.values()].map((held) => held.ended));
  }

  #start(order: Order): void {
    const held: Held = { order, state: "starting", problem: null, scenario: null, fleet: null, isUnwanted: false, ended: Promise.resolve() };
    this.#held.set(order.id, held);
    const fail = (error: unknown): void => {
      held.state = "failed";
      held.problem = error instanceof FleetError ? `${error.public} (${error.code})` : error instanceof Error ? error.message : String(error);
      this.#options.log.warn({ simulation: order.id, err: held.problem }, "a simulated fleet could not start");
    };
    held.ended = this.#run(order, held).catch(fail);
  }

  async #run(order: Order, held: Held): Promise<void> {
    const options = this.#options;
    const kept = options.kept?.id === order.id ? options.kept : undefined;
    const scenario = await scenarioOf(order, options.scenarioDir, kept !== undefined);
    held.scenario = scenario;
    const dataDir = kept?.dataDir ?? join(options.dataDir, order.id);
    const token = kept?.token ?? (await options.tokenFor(order, { simulation: order.id }));
    const { log, models, server, connections } = options;
    const fleet = modeOf(scenario) === "crowd"
      ? await startCrowd({ scenario, server, enrollmentToken: token, dataDir, models, log, connections })
      : await startSimulator({ scenario, scenarioPath: join(options.scenarioDir, `${order.scenario}.json`), dataDir, log, clock: systemClock, server, enrollmentToken: token, models });
    held.fleet = fleet;
    inject(held, held.order.faults);
    if (held.isUnwanted) return await this.#end(held);
    held.state = "running";
    log.info({ simulation: order.id, name: order.name, devices: order.devices, scenario: order.scenario, mode: modeOf(scenario) }, "a simulated fleet runs");
    try {
      await fleet.enrolled;
    } catch (error) {
      await fleet.stop();
      held.fleet = null;
      throw error;
    }
  }

  #leave(held: Held): void {
    if (held.isUnwanted || held.state === "failed") return;
    held.isUnwanted = true;
    if (held.fleet === null) return; // still starting: ends when it has started
    held.state = "stopping";
    held.ended = this.#end(held);
  }

  async #end(held: Held): Promise<void> {
    held.state = "stopping";
    await held.fleet?.stop();
    held.fleet = null;
    held.state = "stopped";
    this.#options.log.info({ simulation: held.order.id }, "a simulated fleet has stopped");
  }
}

function inject(held: Held, faults: InjectedFaults): void {
  if (held.scenario === null || held.fleet === null) return;
  held.fleet.setFaults(Object.keys(faults).length === 0 ? null : withInjected(held.scenario.faults, faults));
}

/** Names of two fleets of one scenario must differ: all but the launcher's have a part of the order's id in theirs. */
async function scenarioOf(order: Order, scenarioDir: string, isKept: boolean): Promise<Scenario> {
  const scenario = await readScenario(join(scenarioDir, `${order.scenario}.json`));
  // A fleet that people stop by hand does not end by itself.
  const namePrefix = isKept ? scenario.namePrefix : `${scenario.namePrefix.slice(0, 12)}-${order.id.slice(-5)}`;
  return { ...scenario, devices: order.devices, seed: isKept ? scenario.seed : order.seed, namePrefix, durationMs: 0 };
}
