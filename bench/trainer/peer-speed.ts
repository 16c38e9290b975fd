import { openModel, type OpenModel, type Tensors } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { buildTrainingStep, DEFAULT_RECIPE } from "@flotilla/trainer";
import { median } from "../load/world.ts";
import type { Row } from "../optimizer/row.ts";
import { isLearnt, PEER_NETWORKS } from "./peer-networks.ts";
import type { PeerProcess } from "./peer-process.ts";
import { firstFeeds, oneClassEach } from "./step-feeds.ts";

export type Cell = { readonly network: string; readonly batch: number; readonly threads: number };
type Stepper = { readonly name: string; steps(seconds: number, warmUp: number): Promise<readonly number[]> };

const WARM_UP = 2;
const ANSWERS = 10;

/** Steps of this project and of its peers in turns: a block of each, `rounds` times. A ratio is that of the medians of two blocks of one round; the median of the ratios is told. */
export async function peerSpeed(cell: Cell, peers: readonly { readonly name: string; readonly process: PeerProcess; readonly least: number | null }[], { rounds, blockSeconds }: { rounds: number; blockSeconds: number }): Promise<Row[]> {
  const { network, batch, threads } = cell;
  const own = await ownSteps(cell);
  try {
    for (const peer of peers) await peer.process.ask({ ask: "prepare", network, batch, threads });
    const all: readonly Stepper[] = [own, ...peers.map((peer): Stepper => ({ name: peer.name, steps: async (seconds, warmUp) => times(await peer.process.ask({ ask: "steps", seconds, warmUp })) }))];
    for (const each of all) await each.steps(blockSeconds, WARM_UP);
    const blocks = all.map((): number[] => []);
    for (let round = 0; round < rounds; round += 1) for (const [i, each] of all.entries()) blocks[i]?.push(median(await each.steps(blockSeconds, WARM_UP)));
    const [ours = [], ...others] = blocks;
    return peers.map(({ name, least }, i): Row => {
      const theirs = others[i] ?? [];
      const ratios = theirs.map((ms, round) => ms / (ours[round] ?? Number.NaN)).toSorted((a, b) => a - b);
      const ratio = median(ratios);
      return {
        item: "peer", what: `${network}, batch ${batch}, ${threads} thread${threads === 1 ? "" : "s"}, speed over that of ${name}`,
        measured: `${ratio.toFixed(2)} x (${ratios[0]?.toFixed(2) ?? "?"} to ${ratios.at(-1)?.toFixed(2) ?? "?"} in ${rounds} rounds); ${median(ours).toFixed(2)} and ${median(theirs).toFixed(2)} ms a step`,
        reference: least === null ? "" : `at least ${least.toFixed(1)} x`, holds: least === null ? null : ratio >= least,
      };
    });
  } finally {
    await own.close();
  }
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
    steps: async (seconds, warmUp) => {
      for (let i = 0; i < warmUp; i += 1) await step();
      const ms: number[] = [];
      for (const fromMs = performance.now(); ms.length === 0 || performance.now() - fromMs < 1_000 * seconds;) {
        const beganMs = performance.now();
        await step();
        ms.push(performance.now() - beganMs);
      }
      return ms;
    },
  };
}

/** What the step calls "new …" is fed to the next one. */
function moved(feeds: Tensors, found: Awaited<ReturnType<OpenModel["run"]>>): Tensors {
  return { ...feeds, ...Object.fromEntries(Object.entries(found).filter(([name]) => name.startsWith("new ")).map(([name, tensor]) => [name.slice("new ".length), tensor])) };
}

function times({ ms }: Readonly<Record<string, unknown>>): readonly number[] {
  if (!Array.isArray(ms) || ms.length === 0 || !ms.every((each): each is number => typeof each === "number")) throw new RangeError("the peer told no times");
  return ms;
}
