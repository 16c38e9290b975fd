import type { TrainingOutcome } from "@flotilla/fleet";
import type { Tensors } from "@flotilla/runtime";
import { Mistakes, softmax } from "@flotilla/trainer";
import { scoresOf } from "./outcome-recorder.ts";

type Validation = NonNullable<TrainingOutcome["validation"]>;
export type Judged = Omit<Validation, "worst"> & { worst: Omit<Validation["worst"][number], "image">[] };

/** A matrix of more is no page any more. */
const CLASSES_MAX = 1_000;
/** Shares add up to 1; more off than that, and the scores are logits. */
const SHARES_TOLERANCE = 1e-3;
/** A share of 0 has no logarithm. */
const LEAST_SHARE = 1e-30;

/** What a model that tells classes apart says of labelled examples, one after the other: which classes it mixes up, and where it is surest and wrong. `output` names the one with the scores. */
export class AnswerJudge {
  readonly #output: string | undefined;
  readonly #mistakes = new Mistakes();
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
    else this.#mistakes.note({ index, label, answer, confidence: shares[answer] ?? 0, loss });
    if (shares.length <= CLASSES_MAX) this.#mistakes.confuse(label, answer, shares.length);
  }

  /** Null when an example had no label, or the model no score for it. */
  result(): Judged | null {
    if (!this.#isOfClasses || this.#n === 0) return null;
    const { confusion, worst } = this.#mistakes;
    return { n: this.#n, loss: this.#loss / this.#n, accuracy: this.#right / this.#n, confusion: confusion.length === 0 ? null : confusion, worst };
  }
}

/** Scores that are shares already as they are; else softmax of them. */
function sharesOf(scores: ArrayLike<number>): number[] {
  const values = Array.from(scores);
  const sum = values.reduce((total, value) => total + value, 0);
  if (values.every((value) => value >= 0) && Math.abs(sum - 1) < SHARES_TOLERANCE) return values;
  return softmax(values);
}
