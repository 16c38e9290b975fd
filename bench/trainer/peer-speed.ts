import { openModel, type OpenModel, type Tensors } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { buildTrainingStep, DEFAULT_RECIPE } from "@flotilla/trainer";
import { median } from "../load/world.ts";
import type { Row } from "../optimizer/row.ts";
import { isLearnt, PEER_NETWORKS } from "./peer-networks.ts";
import type { PeerProcess } from "./peer-process.ts";
import { firstFeeds, oneClassEach } from "./step-feeds.ts";

export type Peer = { readonly name: string; readonly process: PeerProcess; readonly least: number | null };
export type Cell = { readonly network: string; readonly batch: number; readonly threads: number };
/** Medians over the steps of a block. */
type Block = { readonly ms: number; readonly cpuMs: number };
type Stepper = { readonly name: string; block(seconds: number, warmUp: number): Promise<Block> };

const WARM_UP = 1;
const ANSWERS = 10;

/**
 * Steps of this project and of its peers in turns: a block of each, `rounds` times. A ratio is that of the medians of two blocks of one round; the median of the ratios is told. On one thread that of
 * the processor time is told too, which others on the same machine disturb less.
 */
export async function peerSpeed(cell: Cell, peers: readonly Peer[], { rounds, blockSeconds }: { rounds: number; blockSeconds: number }): Promise<Row[]> {
  const { network, batch, threads } = cell;
  const own = await ownSteps(cell);
  try {
    for (const peer of peers) await peer.process.ask({ ask: "prepare", network, batch, threads });
    const all: readonly Stepper[] = [own, ...peers.map((peer): Stepper => ({ name: peer.name, block: async (seconds, warmUp) => blockOf(await peer.process.ask({ ask: "steps", seconds, warmUp })) }))];
    for (const each of all) await each.block(0, WARM_UP);
    const blocks = all.map((): Block[] => []);
    for (let round = 0; round < rounds; round += 1) for (const [i, each] of all.entries()) blocks[i]?.push(await each.block(blockSeconds, WARM_UP));
    const [ours = [], ...others] = blocks;
    return peers.map(({ name, least }, i): Row => {
      const theirs = others[i] ?? [];
      const wall = ratios(ours, theirs, "ms");
      const processor = threads > 1 ? "" : `; ${ratios(ours, theirs, "cpuMs").told} by processor time, ${middle(ours, "cpuMs")} and ${middle(theirs, "cpuMs")} ms`;
      return {
        item: "peer", what: `${network}, batch ${batch}, ${threads} thread${threads === 1 ? "" : "s"}, speed over that of ${name}`,
        measured: `${wall.told} in ${rounds} rounds, ${middle(ours, "ms")} and ${middle(theirs, "ms")} ms a step${processor}`,
        reference: least === null ? "" : `at least ${least.toFixed(1)} x`, holds: least === null ? null : wall.median >= least,
      };
    });
  } finally {
    await own.close();
  }
}

const middle = (blocks: readonly Block[], time: keyof Block): string => median(blocks.map((block) => block[time])).toFixed(2);

function ratios(ours: readonly Block[], theirs: readonly Block[], time: keyof Block): { readonly median: number; readonly told: string } {
  const each = theirs.map((block, round) => block[time] / (ours[round]?.[time] ?? Number.NaN)).toSorted((a, b) => a - b);
  return { median: median(each), told: `${median(each).toFixed(2)} x (${each[0]?.toFixed(2) ?? "?"} to ${each.at(-1)?.toFixed(2) ?? "?"})` };
}

/** Bare steps of the graph that a training runs, each on what the one before made. */
async function ownSteps({ network, batch, threads }: Cell): Promise<Stepper & { close(): Promise<void> }> {
  const make = PEER_NETWORKS[network];
  if (make === undefined) throw new RangeError(`no network "${network}"`);
  const written = await buildTrainingStep(make(), { batchSize: batch, recipe: { ...DEFAULT_RECIPE, batchSize: batch }, trainable: isLearnt });
  const open = await openModel(writeOnnx(written.model), { intraOpThreads: threads, graphOptimization: "extended", sessionConfig: { disable_quant_qdq: "1" } });
  let feeds: Tensors = { ...firstFeeds(written, open.inputs, batch), targets: oneClassEach(batch, ANSWERS) };
  const step = async (): Promise<void> => { feeds = moved(feeds, await open.run(feeds)); };
  return {
    name: "this project",
    close: () => open.close(),
    block: async (seconds, warmUp) => {
      for (let i = 0; i < warmUp; i += 1) await step();
      const [ms, cpuMs]: [number[], number[]] = [[], []];
      for (const fromMs = performance.now(); ms.length === 0 || performance.now() - fromMs < 1_000 * seconds;) {
        const [beganMs, cpuBefore] = [performance.now(), process.cpuUsage()];
        await step();
        const { user, system } = process.cpuUsage(cpuBefore);
        ms.push(performance.now() - beganMs);
        cpuMs.push((user + system) / 1_000);
      }
      return { ms: median(ms), cpuMs: median(cpuMs) };
    },
  };
}

/** What the step calls "new …" is fed to the next one. */
function moved(feeds: Tensors, found: Awaited<ReturnType<OpenModel["run"]>>): Tensors {
  return { ...feeds, ...Object.fromEntries(Object.entries(found).filter(([name]) => name.startsWith("new ")).map(([name, tensor]) => [name.slice("new ".length), tensor])) };
}

function blockOf(answer: Readonly<Record<string, unknown>>): Block {
  const numbers = (name: string): number[] => {
    const found = answer[name];
    if (!Array.isArray(found) || found.length === 0 || !found.every((each): each is number => typeof each === "number")) throw new RangeError(`the peer told no "${name}"`);
    return found;
  };
  return { ms: median(numbers("ms")), cpuMs: median(numbers("cpuMs")) };
}
