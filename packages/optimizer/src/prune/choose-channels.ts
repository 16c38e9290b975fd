/** Channels that may go one by one, each with what it is worth: 1 is the mean of the group. */
export type ScoredGroup = { readonly classes: readonly number[]; readonly scores: readonly number[] };

export type PruningShare = {
  /** Share of the prunable channels to remove, from 0 to 1. */
  readonly ratio: number;
  /** What stays of a group is a multiple of this, and at least once this: kernels work on blocks of channels. */
  readonly roundTo: number;
};

/**
 * Which channels of each group go: block by block, the least valuable block of all groups first, until as near as possible to the share.
 * Groups of no more than a block lose nothing.
 */
export function chooseChannels(groups: readonly ScoredGroup[], { ratio, roundTo }: PruningShare): number[][] {
  const target = ratio * groups.reduce((sum, { classes }) => sum + classes.length, 0);
  const queues = groups.map((group) => blocksOf(group, roundTo));
  const removed: number[][] = groups.map(() => []);
  let count = 0;
  for (;;) {
    let best: number | null = null;
    for (const [at, [block]] of queues.entries()) {
      if (block !== undefined && (best === null || block.score < (queues[best]?.[0]?.score ?? Infinity))) best = at;
    }
    const block = best === null ? undefined : queues[best]?.shift();
    if (best === null || block === undefined) return removed;
    if (Math.abs(count + block.classes.length - target) >= Math.abs(count - target)) {
      queues[best] = [];
      continue;
    }
    removed[best]?.push(...block.classes);
    count += block.classes.length;
  }
}

type Block = { readonly classes: readonly number[]; readonly score: number };

/** The group from its least valuable channel on, in the steps that leave multiples of a block; the last block stays. */
function blocksOf({ classes, scores }: ScoredGroup, roundTo: number): Block[] {
  const order = Array.from(classes.keys()).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || a - b);
  const blocks: Block[] = [];
  for (let start = 0; order.length - start > roundTo; ) {
    const size = (order.length - start) % roundTo || roundTo;
    const members = order.slice(start, start + size);
    blocks.push({ classes: members.map((at) => classes[at] ?? 0), score: members.reduce((sum, at) => sum + (scores[at] ?? 0), 0) / size });
    start += size;
  }
  return blocks;
}
