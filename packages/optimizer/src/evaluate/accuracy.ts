import type { PairedCounts, PairedDifference, Proportion } from "./paired-difference.ts";
import { pairedDifference, wilson } from "./paired-difference.ts";

type ClassDelta = {
  readonly label: number;
  readonly n: number;
  readonly before: number;
  readonly after: number;
  readonly difference: PairedDifference;
  /**
   * Whether the loss could be chance: among many classes the worst one always looks bad, so the chance is compared with 0.05 divided by
   * the number of classes (Bonferroni).
   */
  readonly isNoise: boolean;
};

export type Accuracy = {
  /** Examples that have a label. */
  readonly n: number;
  readonly before: Proportion;
  readonly after: Proportion;
  readonly counts: PairedCounts;
  readonly difference: PairedDifference;
  /** By label, in its order. */
  readonly classes: readonly ClassDelta[];
  /** The class that lost most, in percentage points; null when none lost. */
  readonly worstClass: ClassDelta | null;
};

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Counts right answers of two models on the same labelled examples. */
export class AccuracyCounter {
  readonly #byLabel = new Map<number, Mutable<PairedCounts>>();

  add(label: number, before: boolean, after: boolean): void {
    let counts = this.#byLabel.get(label);
    if (counts === undefined) {
      counts = { bothRight: 0, lost: 0, gained: 0, bothWrong: 0 };
      this.#byLabel.set(label, counts);
    }
    counts[before ? (after ? "bothRight" : "lost") : after ? "gained" : "bothWrong"] += 1;
  }

  /** Null when no example had a label. */
  result(): Accuracy | null {
    if (this.#byLabel.size === 0) return null;
    const counts = { bothRight: 0, lost: 0, gained: 0, bothWrong: 0 };
    for (const { bothRight, lost, gained, bothWrong } of this.#byLabel.values()) {
      counts.bothRight += bothRight;
      counts.lost += lost;
      counts.gained += gained;
      counts.bothWrong += bothWrong;
    }
    const difference = pairedDifference(counts);
    const classes = [...this.#byLabel].sort(([a], [b]) => a - b).map(([label, own]) => classDelta(label, own, this.#byLabel.size));
    const losing = classes.filter(({ difference: { differencePp } }) => differencePp < 0);
    const worst = losing.reduce<ClassDelta | null>((found, candidate) => (found !== null && isWorse(found, candidate) ? found : candidate), null);
    return {
      n: difference.n,
      before: wilson(counts.bothRight + counts.lost, difference.n),
      after: wilson(counts.bothRight + counts.gained, difference.n),
      counts,
      difference,
      classes,
      worstClass: worst,
    };
  }
}

/** Whether `a` lost at least as much as `b`; of equal losses the surer one counts. */
function isWorse(a: ClassDelta, b: ClassDelta): boolean {
  if (a.difference.differencePp !== b.difference.differencePp) return a.difference.differencePp < b.difference.differencePp;
  return a.difference.midP <= b.difference.midP;
}

const SIGNIFICANCE = 0.05;

function classDelta(label: number, counts: PairedCounts, classCount: number): ClassDelta {
  const difference = pairedDifference(counts);
  return {
    label,
    n: difference.n,
    before: (counts.bothRight + counts.lost) / difference.n,
    after: (counts.bothRight + counts.gained) / difference.n,
    difference,
    isNoise: difference.midP * classCount >= SIGNIFICANCE,
  };
}
