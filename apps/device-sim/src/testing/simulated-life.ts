import { pino } from "pino";
import { startAgent, type Agent, type AgentSettings } from "../agent/agent.ts";
import { createDisk, type FsSteps } from "../agent/disk.ts";
import { NetworkError, type Net } from "../agent/net.ts";
import { seededRandom } from "../agent/random.ts";
import { TEST_CLASS } from "./agent-on-peer.ts";
import { byteModels, type ByteModel } from "./byte-models.ts";
import type { GatewayPeer } from "./gateway-peer.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** Where simulated agents keep their folder. */
export const LIFE_ROOT = "/data";

/** One run of an agent in simulated time, from its start to its death. */
export type SimulatedLife = { readonly agent: Agent; readonly clock: VirtualClock; isOnline: boolean; end(): void };

export type LifeOptions = {
  readonly steps: FsSteps;
  readonly peer: GatewayPeer;
  readonly models: readonly ByteModel[];
  readonly seed: number;
  readonly isOnline?: boolean;
  readonly clock?: VirtualClock;
  readonly settings?: Partial<AgentSettings>;
  /** Gets the digest of every model that is loaded. */
  readonly loaded?: (sha256: string) => void;
  /** Gets what the agent logs, as lines of JSON. */
  readonly heard?: (line: string) => void;
};

/** One for all: a logger opens a stream. */
const SILENT = pino({ level: "silent" });

const SETTINGS: Omit<AgentSettings, "server"> = {
  name: "simulated", labels: {}, deviceClass: TEST_CLASS, enrollmentToken: "enroll-me", input: { kind: "synthetic", seed: 1 }, inferenceIntervalMs: 400, inferPort: null,
  windowMs: 1_000, ledgerCapBytes: 16 * 1024, probation: { inferences: 3, ms: 5_000 }, retryBackoff: { baseMs: 100, capMs: 1_000 },
  resources: () => Promise.resolve({ rssBytes: 0, freeMemoryBytes: 0, temperatureC: null }),
};

/** Starts an agent whose disk is `steps`, whose server is the peer without a network, and whose time passes by itself. */
export async function startLife(options: LifeOptions): Promise<SimulatedLife> {
  const clock = options.clock ?? new VirtualClock();
  const life = { isOnline: options.isOnline ?? true };
  const direct = options.peer.direct(700);
  const net: Net = { close: direct.close, request: (request) => (life.isOnline ? direct.request(request) : Promise.reject(new NetworkError("the line is dead"))) };
  const log = options.heard === undefined ? SILENT : pino({ level: "info" }, { write: options.heard });
  const ports = { clock, random: seededRandom(options.seed), disk: createDisk(LIFE_ROOT, options.steps), net, models: byteModels(options.models, options.steps, options.loaded), log };
  const agent = await startAgent(ports, { ...SETTINGS, server: "http://peer", ...options.settings });
  return Object.assign(life, { agent, clock, end: () => clock.halt() });
}
