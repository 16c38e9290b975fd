import type { OpenModel, Tensor, Tensors, TensorSpec } from "@flotilla/runtime";
import { float16ToNumber, numberToFloat16 } from "@flotilla/runtime";
import type { ExampleSource } from "../examples.ts";
import type { Accuracy } from "./accuracy.ts";
import { AccuracyCounter } from "./accuracy.ts";
import type { Agreement } from "./agreement.ts";
import { AgreementCounter } from "./agreement.ts";
import { classOutput, classScores, numbersOf, topClass } from "./output-scores.ts";
import type { RegressionError } from "./regression-error.ts";
import { RegressionCounter } from "./regression-error.ts";

/** What runs examples: a session, or an emulation with a session's face. */
export type Runnable = Pick<OpenModel, "run"> & { readonly inputs: readonly TensorSpec[] };

export type EvaluationRequest = {
  readonly parent: Runnable;
  readonly variant: Runnable;
  /** The split to judge by: no example of it may have been used for calibration or training. */
  readonly examples: ExampleSource;
  /** The output that holds class scores or the predicted number. Default: the first that looks like it. */
  readonly output?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
};

export type Evaluation = {
  readonly examples: number;
  /** The output that was judged; null when none holds class scores or one number. */
  readonly output: string | null;
  /** Null without labels, or without class scores. */
  readonly accuracy: Accuracy | null;
  /** For outputs of one number with a label. */
  readonly regression: RegressionError | null;
  readonly agreement: Agreement;
};

/**
 * Runs both models on each example, one at a time, and counts. Examples without a label count for the agreement alone. Throws the
 * signal's reason when aborted, `RangeError` without examples.
 */
export async function evaluateVariant(request: EvaluationRequest): Promise<Evaluation> {
  const { parent, variant, examples, signal } = request;
  if (examples.count === 0) throw new RangeError("an evaluation needs examples");
  let judge: Judge | null = null;
  for (let index = 0; index < examples.count; index += 1) {
    signal?.throwIfAborted();
    const { feeds, label } = await examples.read(index);
    const before = await parent.run(fitFeeds(parent.inputs, feeds));
    const after = await variant.run(fitFeeds(variant.inputs, feeds));
    judge ??= new Judge(before, request.output);
    judge.add(index, label, before, after);
    request.onProgress?.(index + 1, examples.count);
  }
  if (judge === null) throw new RangeError("an evaluation needs examples");
  return judge.result(examples.count);
}

class Judge {
  readonly #output: string | null;
  readonly #isClassifier: boolean;
  readonly #agreement: AgreementCounter;
  readonly #accuracy = new AccuracyCounter();
  readonly #regression = new RegressionCounter();

  constructor(outputs: Tensors, wanted: string | undefined) {
    const scores = classOutput(outputs, wanted);
    this.#isClassifier = scores !== null && (wanted === undefined || wanted === scores);
    this.#output = this.#isClassifier ? scores : (wanted ?? Object.keys(outputs).find((name) => singleNumber(outputs[name]) !== null) ?? null);
    this.#agreement = new AgreementCounter(this.#isClassifier ? scores : null);
  }

  add(index: number, label: number | null, before: Tensors, after: Tensors): void {
    this.#agreement.add(index, before, after);
    if (label === null || this.#output === null) return;
    const [parent, variant] = [before[this.#output], after[this.#output]];
    if (this.#isClassifier) this.#accuracy.add(label, isRight(parent, label), isRight(variant, label));
    else {
      const [a, b] = [singleNumber(parent), singleNumber(variant)];
      if (a !== null && b !== null) this.#regression.add(label, a, b);
    }
  }

  result(examples: number): Evaluation {
    return { examples, output: this.#output, accuracy: this.#accuracy.result(), regression: this.#regression.result(), agreement: this.#agreement.result() };
  }
}

function isRight(tensor: Tensor | undefined, label: number): boolean {
  const scores = tensor === undefined ? null : classScores(tensor);
  return scores !== null && topClass(scores) === label;
}

function singleNumber(tensor: Tensor | undefined): number | null {
  const numbers = tensor === undefined ? null : numbersOf(tensor);
  return numbers?.length === 1 ? (numbers[0] ?? null) : null;
}

/** Feeds with half-precision tensors where a model wants single precision, and the other way round. */
export function fitFeeds(inputs: readonly TensorSpec[], feeds: Tensors): Tensors {
  const fitted: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(feeds)) {
    const wanted = inputs.find((input) => input.name === name)?.elementType ?? tensor.elementType;
    if (wanted === "float16" && tensor.elementType === "float32") {
      fitted[name] = { elementType: wanted, shape: tensor.shape, data: Uint16Array.from(tensor.data as Float32Array, numberToFloat16) };
    } else if (wanted === "float32" && tensor.elementType === "float16") {
      fitted[name] = { elementType: wanted, shape: tensor.shape, data: Float32Array.from(tensor.data as Uint16Array, float16ToNumber) };
    } else fitted[name] = tensor;
  }
  return fitted;
}
