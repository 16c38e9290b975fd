import type { Tensors } from "@flotilla/runtime";
import type { Proportion } from "./paired-difference.ts";
import { wilson } from "./paired-difference.ts";
import { classScores, numbersOf, topClass } from "./output-scores.ts";

type OutputAgreement = {
  readonly output: string;
  /** Cosine of the two outputs as vectors, per example; 1 when both are 0. */
  readonly cosineMean: number;
  readonly cosineMin: number;
  readonly maxAbsError: number;
  readonly meanAbsError: number;
  /** Largest magnitude the parent gave: what the errors are to be seen against. */
  readonly parentMaxAbs: number;
  /** Examples in which the shapes differ or a value is not finite on one side only. */
  readonly incomparable: number;
};

export type Agreement = {
  readonly n: number;
  /** How often both name the same class first; null when no output holds class scores. */
  readonly topClass: (Proportion & { readonly n: number }) | null;
  readonly outputs: readonly OutputAgreement[];
  /** Examples whose answers changed most: another class first, then the lowest cosine. */
  readonly mostChanged: readonly ChangedExample[];
};

type ChangedExample = { readonly index: number; readonly cosine: number; readonly parentClass: number | null; readonly variantClass: number | null };

const CHANGED_KEPT = 20;

type Sums = { cosineSum: number; cosineMin: number; maxAbsError: number; absErrorSum: number; values: number; parentMaxAbs: number; incomparable: number; n: number };

/** Collects, example by example, how near a variant's outputs are to its parent's. Needs no labels. */
export class AgreementCounter {
  readonly #scoresOutput: string | null;
  readonly #outputs = new Map<string, Sums>();
  #changed: ChangedExample[] = [];
  #n = 0;
  #sameClass = 0;

  /** `scoresOutput` names the output whose classes are compared. */
  constructor(scoresOutput: string | null) {
    this.#scoresOutput = scoresOutput;
  }

  add(index: number, parent: Tensors, variant: Tensors): void {
    this.#n += 1;
    let lowest = 1;
    for (const [name, tensor] of Object.entries(parent)) {
      const before = numbersOf(tensor);
      const other = variant[name];
      const after = other === undefined ? null : numbersOf(other);
      if (before === null) continue;
      let sums = this.#outputs.get(name);
      if (sums === undefined) {
        sums = { cosineSum: 0, cosineMin: 1, maxAbsError: 0, absErrorSum: 0, values: 0, parentMaxAbs: 0, incomparable: 0, n: 0 };
        this.#outputs.set(name, sums);
      }
      lowest = Math.min(lowest, compareInto(sums, before, after));
    }
    const [parentClass, variantClass] = [this.#classOf(parent), this.#classOf(variant)];
    if (parentClass !== null && parentClass === variantClass) this.#sameClass += 1;
    this.#keepIfChanged({ index, cosine: lowest, parentClass, variantClass });
  }

  #classOf(outputs: Tensors): number | null {
    const tensor = outputs[this.#scoresOutput ?? ""];
    const scores = tensor === undefined ? null : classScores(tensor);
    return scores === null ? null : topClass(scores);
  }

  #keepIfChanged(example: ChangedExample): void {
    this.#changed.push(example);
    if (this.#changed.length < CHANGED_KEPT * 4) return;
    this.#changed = mostChanged(this.#changed);
  }

  result(): Agreement {
    const outputs = [...this.#outputs].map(([output, sums]) => ({
      output,
      cosineMean: sums.n === 0 ? Number.NaN : sums.cosineSum / sums.n,
      cosineMin: sums.cosineMin,
      maxAbsError: sums.maxAbsError,
      meanAbsError: sums.values === 0 ? Number.NaN : sums.absErrorSum / sums.values,
      parentMaxAbs: sums.parentMaxAbs,
      incomparable: sums.incomparable,
    }));
    const hasClasses = this.#scoresOutput !== null && this.#n > 0;
    return {
      n: this.#n,
      topClass: hasClasses ? { ...wilson(this.#sameClass, this.#n), n: this.#n } : null,
      outputs,
      mostChanged: mostChanged(this.#changed).filter(({ cosine, parentClass, variantClass }) => cosine < 1 || parentClass !== variantClass),
    };
  }
}

function mostChanged(examples: readonly ChangedExample[]): ChangedExample[] {
  const flipped = ({ parentClass, variantClass }: ChangedExample) => (parentClass === variantClass ? 1 : 0);
  return [...examples].sort((a, b) => flipped(a) - flipped(b) || a.cosine - b.cosine || a.index - b.index).slice(0, CHANGED_KEPT);
}

/** Adds one example to the sums; returns its cosine, -1 when the two cannot be compared. */
function compareInto(sums: Sums, before: ArrayLike<number>, after: ArrayLike<number> | null): number {
  if (after === null || after.length !== before.length) return incomparable(sums);
  let [dot, beforeSquares, afterSquares, maxError, errorSum, maxAbs] = [0, 0, 0, 0, 0, 0];
  for (let index = 0; index < before.length; index += 1) {
    const [a, b] = [before[index] ?? 0, after[index] ?? 0];
    // Both infinite of one sign, or both not a number: the same answer.
    if (Object.is(a, b) && !Number.isFinite(a)) continue;
    const error = Math.abs(a - b);
    if (!Number.isFinite(error)) return incomparable(sums);
    dot += a * b;
    beforeSquares += a * a;
    afterSquares += b * b;
    errorSum += error;
    if (error > maxError) maxError = error;
    if (Math.abs(a) > maxAbs) maxAbs = Math.abs(a);
  }
  const norms = Math.sqrt(beforeSquares) * Math.sqrt(afterSquares);
  // Equal vectors have cosine 1 whatever the roundings say.
  const cosine = errorSum === 0 ? 1 : norms === 0 ? 0 : Math.max(-1, Math.min(1, dot / norms));
  sums.n += 1;
  sums.cosineSum += cosine;
  sums.cosineMin = Math.min(sums.cosineMin, cosine);
  sums.maxAbsError = Math.max(sums.maxAbsError, maxError);
  sums.absErrorSum += errorSum;
  sums.values += before.length;
  sums.parentMaxAbs = Math.max(sums.parentMaxAbs, maxAbs);
  return cosine;
}

function incomparable(sums: Sums): number {
  sums.incomparable += 1;
  return -1;
}
