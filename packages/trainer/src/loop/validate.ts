import { openModel, type Tensor, type Tensors } from "@flotilla/runtime";
import { writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { LOSSES } from "../losses/losses.ts";
import { plainLoss, softmax } from "../losses/plain-loss.ts";
import { plainTriplet } from "../losses/triplet.ts";
import type { LossKind } from "../recipe.ts";
import { TrainingRefusal } from "../training-refusal.ts";
import { lastOperator } from "./last-operator.ts";
import { Mistakes, type WorstExample } from "./mistakes.ts";
import type { ExampleSource, TrainingExample } from "./training-source.ts";

export type Validation = {
  readonly n: number;
  readonly loss: number;
  /** Share of right answers; null where there are no classes. */
  readonly accuracy: number | null;
  /** Row: the class it is; column: the class it was taken for. */
  readonly confusion: readonly (readonly number[])[] | null;
  readonly worst: readonly WorstExample[];
};

/** More at once gains nothing and holds more in memory. */
const TOGETHER = 64;

/** Runs the model as it is shipped over all examples. */
export async function validate(model: OnnxModel, source: ExampleSource, options: { loss: LossKind; threads: number; signal: AbortSignal }): Promise<Validation> {
  const isOpen = model.graph.inputs.every(({ type }) => type?.kind === "tensor" && type.shape?.[0]?.kind !== "value");
  const hasShares = ["Softmax", "Sigmoid"].includes(lastOperator(model) ?? "");
  const open = await openModel(writeOnnx(model), { intraOpThreads: options.threads });
  const count = new Tally(options.loss, hasShares);
  try {
    const output = open.outputs[0]?.name ?? "";
    const together = isOpen ? TOGETHER : 1;
    for (let from = 0; from < source.count; from += together) {
      options.signal.throwIfAborted();
      const examples = await Promise.all(Array.from({ length: Math.min(together, source.count - from) }, (_, i) => source.read(from + i)));
      const answers = (await open.run(stacked(examples)))[output] as Tensor;
      const each = answers.data.length / examples.length;
      for (const [i, example] of examples.entries()) count.add(from + i, example, Array.from((answers.data as Float32Array).subarray(i * each, (i + 1) * each)));
    }
  } finally {
    await open.close();
  }
  return count.result();
}

function stacked(examples: readonly TrainingExample[]): Tensors {
  const [first] = examples;
  if (first === undefined) return {};
  return Object.fromEntries(Object.entries(first.feeds).map(([name, { elementType, shape, data }]) => {
    const all = new Float32Array(data.length * examples.length);
    for (const [i, { feeds }] of examples.entries()) all.set(feeds[name]?.data as Float32Array, i * data.length);
    return [name, { elementType, shape: [examples.length, ...shape.slice(1)], data: all }];
  }));
}

/** Counts as examples come, in bounded memory. */
class Tally {
  readonly #kind: LossKind;
  readonly #hasShares: boolean;
  readonly #mistakes = new Mistakes();
  readonly #embeddings: { answer: readonly number[]; label: number | null }[] = [];
  #loss = 0;
  #n = 0;

  constructor(kind: LossKind, hasShares: boolean) {
    this.#kind = kind;
    this.#hasShares = hasShares;
  }

  add(index: number, { label, target }: TrainingExample, answer: readonly number[]): void {
    if (this.#kind === "triplet") {
      this.#embeddings.push({ answer, label });
      this.#n += 1;
      return;
    }
    const isOfClasses = LOSSES[this.#kind].isOfClasses;
    const wanted = target ?? (answer.length === 1 ? [label ?? 0] : answer.map((_, i) => (i === label ? 1 : 0)));
    const loss = plainLoss(this.#kind, answer, wanted, this.#hasShares);
    this.#loss += loss;
    this.#n += 1;
    const shares = isOfClasses && !this.#hasShares ? softmax(answer) : answer;
    const said = isOfClasses ? shares.indexOf(Math.max(...shares)) : 0;
    if (isOfClasses && label !== null) this.#mistakes.confuse(label, said, answer.length);
    if (!isOfClasses || said !== label) this.#mistakes.note({ index, label, answer: isOfClasses ? said : (answer[0] ?? 0), confidence: isOfClasses ? (shares[said] ?? 0) : 0, loss });
  }

  result(): Validation {
    if (this.#n === 0) throw new TrainingRefusal("no_examples", "The validation split is empty.");
    if (this.#kind === "triplet") return { n: this.#n, loss: this.#tripletLoss(), accuracy: null, confusion: null, worst: [] };
    const { confusion, worst } = this.#mistakes;
    const right = confusion.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
    const isOfClasses = LOSSES[this.#kind].isOfClasses && confusion.length > 0;
    return { n: this.#n, loss: this.#loss / this.#n, accuracy: isOfClasses ? right / this.#n : null, confusion: isOfClasses ? confusion : null, worst };
  }

  /** In groups as large as a batch, each from all over the split: its examples may be in order of their classes. */
  #tripletLoss(): number {
    const groups = Math.ceil(this.#n / TOGETHER);
    const losses = Array.from({ length: groups }, (_, g) => {
      const members = this.#embeddings.filter((__, i) => i % groups === g);
      return members.length * plainTriplet(members.map(({ answer }) => answer), members.map(({ label }) => label));
    });
    return losses.reduce((sum, loss) => sum + loss, 0) / this.#n;
  }
}
