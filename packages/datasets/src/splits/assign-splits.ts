import { SPLITS, UNSPLIT, type ExampleColumns } from "../file/example-columns.ts";
import { seededRandom, shuffle } from "../seeded-random.ts";
import type { DatasetHeader, SplitFractions } from "../types.ts";
import { Components } from "./components.ts";
import { findDuplicates } from "./find-duplicates.ts";

/** The split of an example that is left out. */
export const DROPPED = 254;

export type SplitAssignment = {
  /** Index into SPLITS per example, or DROPPED. */
  readonly split: Uint8Array;
  readonly method: DatasetHeader["splitting"]["method"];
  readonly duplicates: DatasetHeader["duplicates"];
};

type Draw = { readonly seed: number; readonly fractions: readonly number[] };

type Wish = { readonly seed: number; readonly fractions: SplitFractions };

/**
 * Gives each example its split: what the upload says, else drawn, stratified by label. Equal contents and members of one group are never parted.
 * `classOf` holds class indices (NaN: none); for regression all are one class.
 */
export function assignSplits(columns: ExampleColumns, classOf: Float64Array, classes: number, wish: Wish): SplitAssignment {
  const split = columns.split.slice(0, columns.count);
  const duplicates = findDuplicates(columns, classOf);
  const droppedAcrossSplits = dropAcrossSplits(split, duplicates.runs);
  const named = new Set(split.filter((value) => value < SPLITS.length));
  const isSaid = named.size > 0;
  // A missing split is carved out of the training folder; without one there is nothing to carve from.
  const carved = SPLITS.map((name, at) => (named.has(at) && at !== 0 ? 0 : wish.fractions[name]));
  const canDraw = !isSaid || (named.has(0) && carved.some((fraction, at) => at > 0 && fraction > 0)) || split.includes(UNSPLIT);
  if (canDraw) {
    const drawn = (value: number): boolean => value === UNSPLIT || (isSaid && value === 0);
    draw(columns, split, drawn, componentsOf(columns, split, duplicates.runs), classOf, classes, { seed: wish.seed, fractions: carved });
  }
  return {
    split,
    method: !isSaid ? "drawn" : canDraw ? "folders-and-drawn" : "folders",
    duplicates: { examples: duplicates.examples, droppedAcrossSplits, conflictingLabels: duplicates.conflictingLabels },
  };
}

/** Later splits keep what earlier ones must not have seen. Returns how many were dropped. */
function dropAcrossSplits(split: Uint8Array, runs: readonly Uint32Array[]): number {
  let dropped = 0;
  for (const run of runs) {
    const said = [...run].map((at) => split[at] ?? UNSPLIT).filter((value) => value !== UNSPLIT);
    if (said.length === 0) continue;
    const kept = KEEPING_ORDER.find((value) => said.includes(value)) ?? 0;
    for (const at of run) {
      if (split[at] === UNSPLIT) split[at] = kept;
      if (split[at] === kept) continue;
      split[at] = DROPPED;
      dropped += 1;
    }
  }
  return dropped;
}

const KEEPING_ORDER = (["test", "validation", "calibration", "train"] as const).map((name) => SPLITS.indexOf(name));

function componentsOf(columns: ExampleColumns, split: Uint8Array, runs: readonly Uint32Array[]): Components {
  const components = new Components(columns.count);
  const isDrawnOrTrain = (at: number): boolean => split[at] === UNSPLIT || split[at] === 0;
  for (const run of runs) for (const at of run) components.join(run[0] ?? at, at);
  const firstOfGroup = new Map<number, number>();
  for (let at = 0; at < columns.count; at += 1) {
    const group = columns.group[at] ?? 0;
    if (group === 0 || !isDrawnOrTrain(at)) continue;
    const first = firstOfGroup.get(group);
    if (first === undefined) firstOfGroup.set(group, at);
    else components.join(first, at);
  }
  return components;
}

/** Large components first, then by chance; each goes to the split that lacks its classes most, and among equals to the one that lacks most in all. */
function draw(columns: ExampleColumns, split: Uint8Array, isDrawn: (value: number) => boolean, components: Components, classOf: Float64Array, classes: number, { seed, fractions }: Draw): void {
  const rowOf = (at: number): number => {
    const value = classOf[at] ?? Number.NaN;
    return Number.isNaN(value) || classes === 0 ? classes : value;
  };
  const chosen = Uint32Array.from({ length: columns.count }, (_, at) => at).filter((at) => isDrawn(split[at] ?? 0));
  const sizes = new Uint32Array(classes + 1);
  for (const at of chosen) sizes[rowOf(at)] = (sizes[rowOf(at)] ?? 0) + 1;
  const lacking = quotas(sizes, fractions);
  const lackingInAll = lacking.map((byRow) => byRow.reduce((sum, count) => sum + count, 0));
  shuffle(chosen, seededRandom(seed));
  for (const members of components.bySize(chosen)) {
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (const [index, byRow] of lacking.entries()) {
      if ((fractions[index] ?? 0) === 0) continue;
      const own = members.reduce((sum, at) => sum + (byRow[rowOf(at)] ?? 0), 0) / members.length + (lackingInAll[index] ?? 0) / (chosen.length + 1);
      if (own > most) [best, most] = [index, own];
    }
    for (const at of members) {
      split[at] = best;
      const byRow = lacking[best];
      if (byRow) byRow[rowOf(at)] = (byRow[rowOf(at)] ?? 0) - 1;
    }
    lackingInAll[best] = (lackingInAll[best] ?? 0) - members.length;
  }
}

/**
 * Whole numbers of examples per split and class. What rounding takes from a split in one class is carried over to the next, so that small splits of many
 * small classes are filled too.
 */
function quotas(sizes: Uint32Array, fractions: readonly number[]): Float64Array[] {
  const total = fractions.reduce((sum, fraction) => sum + fraction, 0);
  const carried = fractions.map(() => 0);
  const result = fractions.map(() => new Float64Array(sizes.length));
  for (const [row, size] of sizes.entries()) {
    const ideal = fractions.map((fraction, at) => (size * fraction) / total + (carried[at] ?? 0));
    const whole = ideal.map((value) => Math.max(0, Math.floor(value)));
    for (let rest = size - whole.reduce((sum, count) => sum + count, 0); rest !== 0; rest -= Math.sign(rest)) {
      const gaps = ideal.map((value, at) => Math.sign(rest) * (value - (whole[at] ?? 0)) - ((fractions[at] ?? 0) === 0 || (rest < 0 && whole[at] === 0) ? Number.MAX_VALUE : 0));
      const widest = gaps.indexOf(Math.max(...gaps));
      whole[widest] = (whole[widest] ?? 0) + Math.sign(rest);
    }
    for (const [at, count] of whole.entries()) {
      const column = result[at];
      if (column) column[row] = count;
      carried[at] = (ideal[at] ?? 0) - count;
    }
  }
  return result;
}
