import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FleetError } from "@flotilla/protocol";
import type { Logger } from "pino";
import type { ModelPort } from "../../agent/model.ts";
import { faultsAt, type Faults } from "../faults.ts";
import { FleetStats, type FleetNumbers } from "../fleet-stats.ts";
import { deviceClassOf, planDevices, type Scenario } from "../scenario.ts";
import { createContent } from "./content.ts";
import { Gate, type CrowdContext } from "./crowd-context.ts";
import { CrowdDevice } from "./crowd-device.ts";
import { httpExchange, type Exchange } from "./exchange.ts";
import { fleetKeys } from "./fleet-keys.ts";
import { createModelLab, type ModelLab } from "./model-lab.ts";
import { realTimeline, type Timeline } from "./timeline.ts";

export type CrowdOptions = {
  readonly scenario: Scenario;
  /** In place of the scenario's number. */
  readonly devices?: number;
  readonly server: string;
  readonly enrollmentToken: string | null;
  /** Holds the fleet's secret and who its devices are; nothing else of a crowd outlives its process. */
  readonly dataDir: string;
  /** Sockets of the process. */
  readonly connections?: number;
  readonly models: ModelPort;
  readonly log: Logger;
};

/** A simulated fleet that runs: what agents and crowds have in common. */
export type RunningFleet = {
  /** Resolves when every device is enrolled; rejects with the refusal when the server takes none of them. */
  readonly enrolled: Promise<void>;
  numbers(): FleetNumbers;
  /** Faults in force from now on, in place of the scenario's; null: the scenario's. */
  setFaults(faults: Faults | null): void;
  stop(): Promise<void>;
};

export const DEFAULT_CONNECTIONS = 256;
/** Half of what one gateway takes at once, so that other devices find a place. */
const HANDSHAKES_AT_ONCE = 32;
const STARTS_EVERY_MS = 20;
const FLUSH_EVERY_MS = 500;

/** Starts a crowd against a server, in real time. */
export async function startCrowd(options: CrowdOptions): Promise<RunningFleet> {
  const { scenario, log } = options;
  const timeline = realTimeline();
  const content = createContent();
  const lab = createModelLab(options.models, content, log);
  const store = openCrowdStore(options.dataDir);
  const exchange = httpExchange(options.server, options.connections ?? DEFAULT_CONNECTIONS);
  const { ortVersion } = await options.models.facts();
  const crowd = createCrowd({ scenario, timeline, exchange, lab, content, store, ortVersion, enrollmentToken: options.enrollmentToken, ...(options.devices === undefined ? {} : { devices: options.devices }) });
  const flushing = setInterval(() => store.flush(), FLUSH_EVERY_MS);
  crowd.start();
  return {
    enrolled: crowd.enrolled,
    numbers: () => crowd.numbers(),
    setFaults: (faults) => crowd.setFaults(faults),
    async stop() {
      clearInterval(flushing);
      timeline.stop();
      store.flush();
      await exchange.close();
      await lab.close();
    },
  };
}

export type CrowdParts = {
  readonly scenario: Scenario; readonly devices?: number; readonly timeline: Timeline; readonly exchange: Exchange; readonly lab: ModelLab;
  readonly content: ReturnType<typeof createContent>; readonly store: CrowdStore; readonly ortVersion: string; readonly enrollmentToken: string | null;
  /** Hears what every device does, for a log that two runs can be compared by. */
  readonly note?: (atMs: number, device: string, what: string) => void;
};

/** The devices of a scenario on any time, server and models. */
export function createCrowd(parts: CrowdParts): { start(): void; readonly enrolled: Promise<void>; numbers(): FleetNumbers; setFaults(faults: Faults | null): void } {
  const { scenario, timeline, store } = parts;
  const stats = new FleetStats();
  const plans = planDevices(scenario, parts.devices);
  const { promise: enrolled, resolve, reject } = Promise.withResolvers<void>();
  enrolled.catch(() => undefined);
  let injected: Faults | null = null;
  let inForce = { untilMs: -1, faults: scenario.faults };
  const context: CrowdContext = {
    timeline, stats, scenario, content: parts.content, lab: parts.lab, enrollmentToken: parts.enrollmentToken, keys: fleetKeys(store.secret),
    net: { exchange: parts.exchange, timeline, faults: () => context.faults() },
    classOf: new Map(scenario.classes.map((one) => [one.name, deviceClassOf(one, parts.ortVersion)])),
    handshakes: new Gate(HANDSHAKES_AT_ONCE),
    randomHex: store.randomHex,
    faults() {
      const nowMs = timeline.nowMs();
      // Looked up by the tenth of a second: the same for all devices that ask in it.
      if (nowMs >= inForce.untilMs) inForce = { untilMs: Math.floor(nowMs / 100) * 100 + 100, faults: faultsAt(injected ?? scenario.faults, Math.floor(nowMs / 100) * 100) };
      return inForce.faults;
    },
    enrolled(name, deviceId) {
      store.enrolled(name, deviceId);
      if (stats.enrolled === plans.length) resolve();
    },
    refused(sentence) {
      if (stats.enrolled === 0) reject(new FleetError("enrollment_token_invalid", { public: sentence }));
    },
    note: (device, what) => parts.note?.(timeline.nowMs(), device, what),
  };
  const devices = plans.map((plan) => new CrowdDevice(plan, context, store.deviceIds.get(plan.name) ?? null));
  if (stats.enrolled === plans.length) resolve();

  /** Devices start at their time, some at once: an entry for each would be a heap of its own. */
  function startDue(order: readonly CrowdDevice[], from: number): void {
    let at = from;
    const nowMs = timeline.nowMs();
    for (let device = order[at]; device !== undefined && device.plan.startAfterMs <= nowMs; device = order[at]) {
      device.start();
      at += 1;
    }
    if (at < order.length) timeline.after(STARTS_EVERY_MS, () => startDue(order, at));
  }

  return {
    start: () => startDue(devices.toSorted((a, b) => a.plan.startAfterMs - b.plan.startAfterMs), 0),
    enrolled,
    numbers: () => stats.look(plans.length, timeline.nowMs()),
    setFaults(faults) {
      injected = faults;
      inForce = { untilMs: -1, faults: scenario.faults };
    },
  };
}

/** Writes what a platform needs to know of every device, a JSON line each: for benches that enrol a hundred thousand by SQL. */
export function exportDevices(scenario: Scenario, dataDir: string, ortVersion: string, write: (line: string) => void): void {
  const keys = fleetKeys(openCrowdStore(dataDir).secret);
  const classes = new Map(scenario.classes.map((one) => [one.name, deviceClassOf(one, ortVersion)]));
  for (const plan of planDevices(scenario)) write(JSON.stringify({ name: plan.name, publicKey: keys.publicKey(plan.name), class: classes.get(plan.class.name), labels: plan.labels }));
}

/** What of a crowd outlives its process. */
export type CrowdStore = {
  readonly secret: Uint8Array;
  readonly deviceIds: ReadonlyMap<string, string>;
  enrolled(name: string, deviceId: string): void;
  flush(): void;
  readonly randomHex: (bytes: number) => string;
};

const SECRET_FILE = "fleet-secret";
const ENROLLED_FILE = "enrolled.tsv";
const SECRET_BYTES = 32;

/** In a folder: the fleet's secret (mode 0600) and a line for each enrolled device. Throws when the folder cannot be used. */
export function openCrowdStore(dataDir: string): CrowdStore {
  mkdirSync(dataDir, { recursive: true });
  const [secretPath, enrolledPath] = [join(dataDir, SECRET_FILE), join(dataDir, ENROLLED_FILE)];
  if (!existsSync(secretPath)) writeFileSync(secretPath, randomBytes(SECRET_BYTES), { mode: 0o600 });
  const secret = readFileSync(secretPath);
  if (secret.length !== SECRET_BYTES) throw new Error(`${secretPath} is not a fleet's secret; remove it to make a new fleet`);
  const lines = existsSync(enrolledPath) ? readFileSync(enrolledPath, "utf8").split("\n") : [];
  const deviceIds = new Map(lines.flatMap((line): [string, string][] => {
    const [name, id, ...more] = line.split("\t");
    return name !== undefined && id !== undefined && more.length === 0 ? [[name, id]] : [];
  }));
  let waiting: string[] = [];
  return {
    secret,
    deviceIds,
    enrolled: (name, deviceId) => void waiting.push(`${name}\t${deviceId}\n`),
    flush() {
      if (waiting.length > 0) appendFileSync(enrolledPath, waiting.join(""));
      waiting = [];
    },
    randomHex: (bytes) => randomBytes(bytes).toString("hex"),
  };
}
