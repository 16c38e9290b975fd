import { openModel, type OpenModel, type Tensor, type Tensors, type TensorSpec } from "@flotilla/runtime";
import { elementCount, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { FEEDS } from "../step/training-step.ts";
import { TrainingRefusal } from "../training-refusal.ts";
import { lastOperator } from "./last-operator.ts";

/** A share of 0 in single precision has no logarithm. */
const LEAST_SHARE = 1e-30;

/** The model that another one learns from: what it says of a batch, as logits. */
export class Teacher {
  readonly #open: OpenModel;
  readonly #hasShares: boolean;

  private constructor(open: OpenModel, hasShares: boolean) {
    this.#open = open;
    this.#hasShares = hasShares;
  }

  static async open(model: OnnxModel, threads: number): Promise<Teacher> {
    return new Teacher(await openModel(writeOnnx(model), { intraOpThreads: threads }), lastOperator(model) === "Softmax");
  }

  /** The batch with what the teacher says of it. Throws TrainingRefusal `teacher_does_not_fit`. */
  async taught(batch: Tensors, [examples = 1, answers = 1]: readonly number[]): Promise<Tensors> {
    const feeds = this.#open.inputs.map((spec) => this.#feed(spec, batch, examples));
    const together = this.#open.inputs.every(({ shape: [first] }) => typeof first !== "number" || first < 1 || first === examples);
    const runs = together ? [feeds] : Array.from({ length: examples }, (_, i) => feeds.map((tensor) => oneOf(tensor, i)));
    const data = new Float32Array(examples * answers);
    for (const [i, run] of runs.entries()) {
      const found = await this.#open.run(Object.fromEntries(run.map((tensor, at) => [this.#open.inputs[at]?.name ?? "", tensor])));
      const said = found[this.#open.outputs[0]?.name ?? ""]?.data as Float32Array;
      if (said.length * runs.length !== data.length) throw new TrainingRefusal("teacher_does_not_fit", `The model to learn from answers ${(said.length * runs.length) / examples} numbers an example, and this one ${answers}.`);
      data.set(this.#hasShares ? said.map((share) => Math.log(Math.max(share, LEAST_SHARE))) : said, i * said.length);
    }
    return { ...batch, [FEEDS.teacher]: { elementType: "float32", shape: [examples, answers], data } };
  }

  async close(): Promise<void> {
    await this.#open.close();
  }

  /** By name, or the only one there is. */
  #feed({ name, shape }: TensorSpec, batch: Tensors, examples: number): Tensor {
    const inputs = Object.entries(batch).filter(([key]) => key !== FEEDS.targets && key !== FEEDS.weights);
    const found = batch[name] ?? (inputs.length === 1 ? inputs[0]?.[1] : undefined);
    const wanted = [examples, ...shape.slice(1).map((size, i) => (typeof size === "number" && size > 0 ? size : (found?.shape[i + 1] ?? 1)))];
    if (found === undefined || elementCount(wanted) !== found.data.length) throw new TrainingRefusal("teacher_does_not_fit", `The model to learn from takes other examples: its input "${name}" is ${wanted.slice(1).join(" × ")}.`);
    return { ...found, shape: wanted };
  }
}

function oneOf({ elementType, shape, data }: Tensor, index: number): Tensor {
  const each = elementCount(shape.slice(1));
  return { elementType, shape: [1, ...shape.slice(1)], data: (data as Float32Array).subarray(index * each, (index + 1) * each) };
}
