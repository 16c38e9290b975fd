import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { demoConvNet } from "@flotilla/runtime";
import { pino } from "pino";
import { createDisk } from "../agent/disk.ts";
import { openLedger } from "../agent/ledger.ts";
import { seededRandom, systemRandom, type Random } from "../agent/random.ts";
import { crewName } from "./agent-crew.ts";
import { goldenOf, publishBuild, targetFor, type PeerBuild } from "./build-on-peer.ts";
import { GatewayPeer, storeTelemetry, type PeerDevice } from "./gateway-peer.ts";
import { lookAtKilledFolder } from "./killed-folder.ts";
import { ManualClock } from "./manual-clock.ts";

export type KillOptions = {
  /** Agents to kill, at least. */
  readonly kills: number;
  readonly seed: number;
  readonly log?: (sentence: string) => void;
};

/** `torn`, `lost` and `bricked` must be 0; `findings` says what they were. */
export type KillCounts = {
  /** Agents killed with -9, each with an install under way; `programKills` of them ran as the program that devices run. */
  readonly kills: number;
  readonly programKills: number;
  /** Installs that reached their end between the kills. */
  readonly installs: number;
  /** Kills that found the agent still starting. */
  readonly duringStart: number;
  /** Folders in which a file that must be whole was not. */
  readonly torn: number;
  /** Agents that did not come up with a model, or did not reach their target in the end. */
  readonly bricked: number;
  /** Models, identities, windows that were there and are not. */
  readonly lost: number;
  readonly findings: readonly string[];
  readonly seconds: number;
};

/** A process with agents in it that is killed and started again. */
type Lane = { readonly name: string; readonly dir: string; readonly agents: number; readonly isProgram: boolean; readonly random: Random };

type Counts = { kills: number; installs: number; duringStart: number; torn: number; bricked: number; lost: number; readonly findings: string[] };

/** Agents in one crew: enough to share the cost of a start, few enough that one more costs no time of the others. */
const CREW_AGENTS = 8;
/** Kills of the program itself, one in so many: its start, its inference process and its probes cost a second of CPU each. */
const ONE_PROGRAM_IN = 20;
/** Share of the kills that come before the agents are up, within so long after the start. */
const START_SHARE = 0.2;
const START_MS = 600;
/** About one install: download, layout, probe, probation. */
const INSTALL_MS = 600;
const UP_LIMIT_MS = 60_000;
const BUILDS = [1, 2, 3];

/**
 * Kills real agents with -9 at random moments of installs that never end, and looks after each kill whether the folder is whole and
 * the next start comes up with its model; at last every agent is left alone and must reach its target and tell all its windows.
 */
export async function killAgentsAtRandom(options: KillOptions): Promise<KillCounts> {
  const startedMs = performance.now();
  const root = await mkdtemp(join(tmpdir(), "flotilla-kill-agents-"));
  const programKills = Math.ceil(options.kills / ONE_PROGRAM_IN);
  const scene = await openScene(options.log ?? (() => undefined));
  const lane = (name: string, agents: number, seed: number): Lane => ({ name, dir: join(root, name), agents, isProgram: agents === 1, random: seededRandom(seed) });
  try {
    await Promise.all([scene.work(lane("crew", CREW_AGENTS, options.seed), options.kills - programKills), scene.work(lane("program", 1, options.seed + 1), programKills)]);
    return { ...scene.counts, programKills, seconds: (performance.now() - startedMs) / 1_000 };
  } finally {
    await scene.close();
    await rm(root, { recursive: true, force: true });
  }
}

type Scene = { readonly counts: Counts; work(lane: Lane, kills: number): Promise<void>; close(): Promise<void> };

async function openScene(log: (sentence: string) => void): Promise<Scene> {
  const peer = new GatewayPeer();
  peer.syncAfterMs = 20;
  await peer.start();
  const builds: PeerBuild[] = [];
  for (const seed of BUILDS) {
    const model = demoConvNet({ seed, channels: 2 });
    builds.push(publishBuild(peer, String(seed), { model, golden: await goldenOf(model) }));
  }
  const counts: Counts = { kills: 0, installs: 0, duringStart: 0, torn: 0, bricked: 0, lost: 0, findings: [] };
  const children = new Set<ChildProcess>();
  /** Devices by name: those that ran a model once, and those that shall keep the target they have. */
  const hadModel = new Set<string>();
  const resting = new Set<string>();

  function note(kind: "torn" | "bricked" | "lost", who: string, what: string): void {
    counts[kind] += 1;
    counts.findings.push(`${kind}: ${who}: ${what}`);
    log(`${kind}: ${who}: ${what}`);
  }

  /** Keeps every device installing: at the end of one install the next is its target. */
  peer.onSync = (device, { report }) => {
    device.syncs.splice(0, device.syncs.length - 1);
    if (report.running !== null) {
      hadModel.add(device.name);
      if (!builds.some((build) => build.modelSha256 === report.running?.modelSha256)) note("torn", device.name, `runs ${report.running.modelSha256}`);
    }
    const { deployment } = report;
    const isAtEnd = deployment?.targetVersion === device.target?.targetVersion && (deployment?.phase === "succeeded" || deployment?.phase === "failed");
    if (device.target !== null && !isAtEnd) return;
    if (deployment?.phase === "succeeded") counts.installs += 1;
    // A model whose agent was killed three times on its probation is given up by rule; anything else has no cause here.
    if (deployment?.phase === "failed" && deployment.failure?.code !== "probation_failed") note("bricked", device.name, `install failed: ${JSON.stringify(deployment.failure)}`);
    if (deployment?.phase === "succeeded" && resting.has(device.name)) return;
    const others = builds.filter((build) => build.buildId !== device.target?.build?.buildId);
    const next = others[Math.floor(Math.random() * others.length)];
    if (next !== undefined) device.target = targetFor(next, (device.target?.targetVersion ?? 0) + 1);
  };

  const deviceOf = (name: string): PeerDevice | null => [...peer.devices.values()].find((device) => device.name === name) ?? null;
  const nameOf = (lane: Lane, index: number): string => `${lane.name}-${crewName(index)}`;
  const namesOf = (lane: Lane): string[] => Array.from({ length: lane.agents }, (_, i) => nameOf(lane, i));

  function start(lane: Lane): Life {
    const before = new Map(namesOf(lane).map((name) => [name, deviceOf(name)?.syncs.at(-1)?.bootId]));
    const child = spawn(process.execPath, ["--import", KEEP_COMPILED, ...(lane.isProgram ? programArgs(lane, nameOf(lane, 0), peer.url) : crewArgs(lane, peer.url))], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILE_CACHE, FLOTILLA_PARENT_PID: String(process.pid), LOG_LEVEL: "error" },
    });
    children.add(child);
    let errors = "";
    child.stderr?.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-2_000)));
    const gone = new Promise<void>((resolve) => child.once("close", () => {
      children.delete(child);
      resolve();
    }));
    const isUp = (name: string): boolean => {
      const latest = deviceOf(name)?.syncs.at(-1);
      return latest !== undefined && latest.bootId !== before.get(name) && (latest.report.running !== null || !hadModel.has(name));
    };
    return { child, gone, errors: () => errors, missing: () => namesOf(lane).filter((name) => !isUp(name)) };
  }

  async function until(life: Life, what: string, missing: () => string[]): Promise<void> {
    const reached = await peer.until(what, () => missing().length === 0 || life.child.exitCode !== null, UP_LIMIT_MS).catch(() => false);
    if (reached && life.child.exitCode === null) return;
    for (const name of missing()) note("bricked", name, `${what}: it was not; ${life.child.exitCode === null ? "gave up waiting" : `exit ${life.child.exitCode}: ${life.errors()}`}`);
  }

  async function inspect(lane: Lane): Promise<void> {
    for (const [index, name] of namesOf(lane).entries()) {
      const { findings } = await lookAtKilledFolder(folderOf(lane, index), deviceOf(name), hadModel.has(name));
      for (const finding of findings) note(finding.kind, name, finding.what);
    }
  }

  async function liveAndDie(lane: Lane): Promise<void> {
    const life = start(lane);
    if (lane.random.uniform() < START_SHARE) {
      await delay(lane.random.uniform() * START_MS);
      counts.duringStart += life.missing().length;
    } else {
      await until(life, "each agent comes up with its model", life.missing);
      await delay(lane.random.uniform() * INSTALL_MS);
    }
    life.child.kill("SIGKILL");
    await life.gone;
    counts.kills += lane.agents;
    await inspect(lane);
  }

  async function rest(lane: Lane): Promise<void> {
    for (const name of namesOf(lane)) resting.add(name);
    const life = start(lane);
    const restless = (): string[] => namesOf(lane).filter((name) => {
      const device = deviceOf(name);
      const report = device?.syncs.at(-1)?.report;
      const isThere = report?.deployment?.targetVersion === device?.target?.targetVersion && report?.deployment?.phase === "succeeded";
      return !isThere || report?.running?.buildId !== device?.target?.build?.buildId || report?.running?.manifestSha256 !== device?.target?.build?.manifest.sha256;
    });
    await until(life, "each agent comes up with its model", life.missing);
    await until(life, "each agent reaches its target", restless);
    life.child.kill("SIGTERM");
    await life.gone;
    await inspect(lane);
    for (const [index, name] of namesOf(lane).entries()) {
      const what = await untold(folderOf(lane, index), deviceOf(name));
      if (what !== null) note("lost", name, what);
    }
  }

  return {
    counts,
    async work(lane, kills) {
      for (let index = 0; index < lane.agents; index += 1) await mkdir(folderOf(lane, index), { recursive: true });
      for (let done = 0; done < kills; done += lane.agents) await liveAndDie(lane);
      log(`${lane.name}: ${counts.kills} kills so far; now the agents are left alone`);
      await rest(lane);
    },
    async close() {
      for (const child of children) child.kill("SIGKILL");
      await peer.stop();
    },
  };
}

type Life = { readonly child: ChildProcess; readonly gone: Promise<void>; errors(): string; /** Agents that are not up yet. */ missing(): string[] };

const HERE = import.meta.dirname;
/** What is always killed would never write its compiled sources down. */
const KEEP_COMPILED = join(HERE, "../../../../tests/faults/keep-compiled.ts");
const COMPILE_CACHE = process.env.NODE_COMPILE_CACHE ?? join(HERE, "../../../../node_modules/.cache/node-compile");

function folderOf(lane: Lane, index: number): string {
  return join(lane.dir, crewName(index));
}

function crewArgs(lane: Lane, server: string): string[] {
  return [join(HERE, "agent-crew-main.ts"), "--server", server, "--dir", lane.dir, "--agents", String(lane.agents)];
}

function programArgs(lane: Lane, name: string, server: string): string[] {
  const flags = { server, token: "enroll-me", "data-dir": folderOf(lane, 0), name, "interval-ms": "10", "window-ms": "1000" };
  return [join(HERE, "../cli.ts"), "agent", ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value])];
}

/** Takes in what is still on the disk, as syncs would; a sentence when numbers are missing, doubled or declared dropped. */
async function untold(dir: string, device: PeerDevice | null): Promise<string | null> {
  if (device === null) return "the device never enrolled";
  const ledger = await openLedger({ disk: createDisk(dir), clock: new ManualClock(), random: systemRandom, bootId: "look", log: pino({ level: "silent" }), capBytes: 2 ** 30 });
  for (let batch = await ledger.batch(); batch !== null; batch = await ledger.batch()) await ledger.acknowledge(storeTelemetry(device, batch));
  const { epoch, produced } = ledger.status();
  const stored = device.epochs.get(epoch);
  if (device.epochs.size !== 1 || stored === undefined) return `the server holds epochs ${[...device.epochs.keys()].join(", ")}, the device is in ${epoch}`;
  return stored.windows.size === produced && stored.dropped === 0 ? null : `${produced} windows produced, ${stored.windows.size} stored, ${stored.dropped} declared dropped`;
}
