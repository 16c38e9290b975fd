import type { Tensor, Tensors } from "@flotilla/runtime";
import { float16ToNumber } from "@flotilla/runtime";

/** What a version said about each example. Everything is a count or a byte, so that it fits a message and a row. */
export type Recorded = {
  n: number; labelled: number; correct: number; correctTop5: number;
  /** By label, in its order. */
  classes: { index: number; n: number; correct: number }[];
  /** The most frequent mistakes. */
  confusions: { actual: number; predicted: number; count: number }[];
  /** Base64 of 16-bit little-endian predictions, and of one bit per example for "right". Null when no example has a label or no output has scores. */
  predictedBase64: string | null;
  correctBase64: string | null;
};

const CLASSES_MAX = 1_000;
const CONFUSIONS_MAX = 200;
/** Predictions are kept in 16 bits. */
const CLASS_MAX = 65_535;

/** Counts right answers of one model, example by example. `output` names the one with the scores; the first of all unless told. */
export class OutcomeRecorder {
  readonly #output: string | undefined;
  readonly #predicted: Uint16Array;
  readonly #correct: Uint8Array;
  readonly #classes = new Map<number, { n: number; correct: number }>();
  readonly #confusions = new Map<number, number>();
  #n = 0;
  #labelled = 0;
  #hits = 0;
  #hitsTop5 = 0;
  #hasScores = true;

  constructor(count: number, output?: string) {
    this.#output = output;
    this.#predicted = new Uint16Array(count);
    this.#correct = new Uint8Array(Math.ceil(count / 8));
  }

  add(label: number | null, outputs: Tensors): void {
    const index = this.#n;
    this.#n += 1;
    const scores = scoresOf(this.#output === undefined ? Object.values(outputs)[0] : outputs[this.#output]);
    if (scores === null) {
      this.#hasScores = false;
      return;
    }
    const best = topOf(scores);
    this.#predicted[index] = Math.min(best, CLASS_MAX);
    if (label === null) return;
    this.#labelled += 1;
    const isRight = best === label;
    if (rankOf(scores, label) < 5) this.#hitsTop5 += 1;
    const own = this.#classes.get(label) ?? { n: 0, correct: 0 };
    own.n += 1;
    if (isRight) {
      own.correct += 1;
      this.#hits += 1;
      this.#correct[index >> 3] = (this.#correct[index >> 3] ?? 0) | (1 << (index & 7));
    } else {
      const key = label * (CLASS_MAX + 1) + best;
      this.#confusions.set(key, (this.#confusions.get(key) ?? 0) + 1);
    }
    this.#classes.set(label, own);
  }

  result(): Recorded {
    const isUsable = this.#hasScores && this.#labelled === this.#n;
    const bytes = new Uint8Array(this.#predicted.buffer);
    return {
      n: this.#n,
      labelled: this.#labelled,
      correct: this.#hits,
      correctTop5: this.#hitsTop5,
      classes: [...this.#classes].sort(([a], [b]) => a - b).slice(0, CLASSES_MAX).map(([index, counts]) => ({ index, ...counts })),
      confusions: [...this.#confusions].sort(([, a], [, b]) => b - a).slice(0, CONFUSIONS_MAX).map(([key, count]) => ({ actual: Math.floor(key / (CLASS_MAX + 1)), predicted: key % (CLASS_MAX + 1), count })),
      predictedBase64: isUsable ? Buffer.from(bytes).toString("base64") : null,
      correctBase64: isUsable ? Buffer.from(this.#correct).toString("base64") : null,
    };
  }
}

/** Scores of the classes for one example: [C], [1, C] or [1, C, 1, 1] with two classes or more. */
export function scoresOf(tensor: Tensor | undefined): ArrayLike<number> | null {
  if (tensor === undefined || tensor.shape.filter((size) => size !== 1).length !== 1) return null;
  const { data, elementType } = tensor;
  if (elementType === "float16") return Float32Array.from(data as Uint16Array, float16ToNumber);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  return elementType === "string" || elementType === "int4" || elementType === "uint4" ? null : (data as Float32Array);
}

function topOf(scores: ArrayLike<number>): number {
  let best = 0;
  for (let index = 1; index < scores.length; index += 1) if ((scores[index] ?? Number.NaN) > (scores[best] ?? Number.NaN)) best = index;
  return best;
}

/** How many classes have a higher score than the label, or as high a one and a lower index. */
function rankOf(scores: ArrayLike<number>, label: number): number {
  const own = scores[label];
  if (own === undefined || Number.isNaN(own)) return scores.length;
  let above = 0;
  for (let index = 0; index < scores.length; index += 1) if ((scores[index] ?? 0) > own || (scores[index] === own && index < label)) above += 1;
  return above;
}
