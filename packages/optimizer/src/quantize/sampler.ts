import type { OpenModel, Tensor, Tensors } from "@flotilla/runtime";
import { openModel } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { writeOnnx } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import type { TensorStatistics } from "./tensor-statistics.ts";

export type CalibrationContext = {
  readonly signal?: AbortSignal;
  /** Samples run so far and in all, over both passes. */
  readonly onSample?: (done: number, total: number) => void;
  /** Threads of the runtime. Default 2. */
  readonly threads?: number;
  /** Statistics of values by name, from earlier calls with the same model, examples and method: they are not gathered again, and new ones are added. */
  readonly known?: Map<string, TensorStatistics>;
};

export type Visit = (results: Readonly<Record<string, Tensor>>, feeds: Tensors, index: number) => void;

/** At most `count` of the examples, at even distances, the first among them. */
export function evenlyChosen(examples: ExampleSource, count: number): ExampleSource {
  if (examples.count <= count) return examples;
  return { count, read: (index) => examples.read(Math.floor((index * examples.count) / count)) };
}

/** One example in so many is held out, to judge by; the second first: two examples are enough for one. */
const HELD_OUT_EVERY = 4;

export function isHeldOut(example: number): boolean {
  return example % HELD_OUT_EVERY === 1;
}

/** Feeds examples to models and gives way in between, so that others on this thread may abort. */
export class Sampler {
  readonly #context: CalibrationContext;
  readonly #total: number;
  #done = 0;

  /** `total`: runs there will be, for progress. */
  constructor(context: CalibrationContext, total: number) {
    this.#context = context;
    this.#total = total;
  }

  /** Runs the model on each example, one at a time. */
  async eachRun(model: OnnxModel, examples: ExampleSource, visit: Visit): Promise<void> {
    this.#context.signal?.throwIfAborted();
    const session = await openModel(writeOnnx(model), { graphOptimization: "all", intraOpThreads: this.#context.threads ?? 2 });
    try {
      for (let index = 0; index < examples.count; index += 1) await this.#run(session, examples, index, visit);
    } finally {
      await session.close();
    }
  }

  async #run(session: OpenModel, examples: ExampleSource, index: number, visit: Visit): Promise<void> {
    const { feeds } = await examples.read(index);
    const needed = Object.fromEntries(session.inputs.flatMap(({ name }) => (feeds[name] === undefined ? [] : [[name, feeds[name]]])));
    visit(await session.run(needed), feeds, index);
    this.#done += 1;
    this.#context.onSample?.(this.#done, this.#total);
    // Runs block the thread: without a turn of the loop in between nobody could abort.
    await new Promise((resolve) => setImmediate(resolve));
    this.#context.signal?.throwIfAborted();
  }
}
