import type { TrainingOutcome } from "@flotilla/fleet";
import type { Tensors } from "@flotilla/runtime";
import { scoresOf } from "./outcome-recorder.ts";

type Validation = NonNullable<TrainingOutcome["validation"]>;
export type Judged = Omit<Validation, "worst"> & { worst: Omit<Validation["worst"][number], "image">[] };

const WORST = 24;
/** A matrix of more is no page any more. */
const CLASSES_MAX = 1_000;
/** Shares add up to 1; more off than that, and the scores are logits. */
const SHARES_TOLERANCE = 1e-3;
/** A share of 0 has no logarithm. */
const LEAST_SHARE = 1e-30;

/** What a model that tells classes apart says of labelled examples, one after the other: which classes it mixes up, and where it is surest and wrong. `output` names the one with the scores. */
export class AnswerJudge {
  readonly #output: string | undefined;
  readonly #worst: Judged["worst"] = [];
  #confusion: number[][] = [];
  #n = 0;
  #right = 0;
  #loss = 0;
  #isOfClasses = true;

  constructor(output?: string) {
    this.#output = output;
  }

  add(index: number, label: number | null, outputs: Tensors): void {
    const scores = scoresOf(this.#output === undefined ? Object.values(outputs)[0] : outputs[this.#output]);
    if (scores === null || label === null || label >= scores.length) {
      this.#isOfClasses = false;
      return;
    }
    const shares = sharesOf(scores);
    const answer = shares.reduce((best, share, at) => (share > (shares[best] ?? 0) ? at : best), 0);
    const loss = -Math.log(Math.max(shares[label] ?? 0, LEAST_SHARE));
    this.#n += 1;
    this.#loss += loss;
    if (answer === label) this.#right += 1;
    else this.#note({ index, label, answer, confidence: shares[answer] ?? 0, loss });
    if (shares.length <= CLASSES_MAX) this.#confuse(label, answer, shares.length);
  }

  /** Null when an example had no label, or the model no score for it. */
  result(): Judged | null {
    if (!this.#isOfClasses || this.#n === 0) return null;
    return { n: this.#n, loss: this.#loss / this.#n, accuracy: this.#right / this.#n, confusion: this.#confusion.length === 0 ? null : this.#confusion, worst: this.#worst };
  }

  #confuse(label: number, answer: number, classes: number): void {
    if (this.#confusion.length === 0) this.#confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
    const row = this.#confusion[label];
    if (row !== undefined) row[answer] = (row[answer] ?? 0) + 1;
  }

  #note(example: Judged["worst"][number]): void {
    this.#worst.push(example);
    this.#worst.sort((a, b) => b.loss - a.loss);
    if (this.#worst.length > WORST) this.#worst.pop();
  }
}

/** Scores that are shares already as they are; else softmax of them. */
function sharesOf(scores: ArrayLike<number>): number[] {
  const values = Array.from(scores);
  const sum = values.reduce((total, value) => total + value, 0);
  if (values.every((value) => value >= 0) && Math.abs(sum - 1) < SHARES_TOLERANCE) return values;
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = values.map((value) => Math.exp(value - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}
