import type { OpenModel, Tensor, Tensors } from "@flotilla/runtime";
import { openModel } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { fitFeeds } from "../evaluate/evaluate-variant.ts";
import type { ExampleSource } from "../examples.ts";
import type { Gate, GatedModel } from "./gated-model.ts";
import type { LossKind } from "./output-loss.ts";
import { outputLoss } from "./output-loss.ts";

export type NodeSensitivity = {
  readonly node: string;
  /** 10·log₁₀(Σy² / Σ(ŷ − y)²) of what the node gives, over all examples; Infinity when nothing is lost. */
  readonly sqnrDb: number;
  /** Mean over the examples of what the model's outputs lose when this node alone runs on integers, with the 95 % interval of the mean. */
  readonly loss: { readonly kind: LossKind; readonly mean: number; readonly low: number; readonly high: number };
  readonly examples: number;
};

export type SensitivityOptions = {
  /** Default 100. */
  readonly examplesMax?: number;
  /** No example is begun after that, except the first. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
  readonly onExample?: (done: number, total: number) => void;
};

const EXAMPLES_MAX = 100;
const OFF = scalar(0);
const ON = scalar(1);

function scalar(value: number): Tensor {
  return { elementType: "float32", shape: [], data: Float32Array.of(value) };
}

/**
 * Runs each example once with all gates off and once for each gate. `deadlineMs` is on the clock of `performance.now()`. Rejects with the
 * signal's reason when aborted.
 */
export async function measureSensitivities({ model, gates }: GatedModel, examples: ExampleSource, options: SensitivityOptions): Promise<NodeSensitivity[]> {
  const session = await openModel(writeOnnx(model), { graphOptimization: "basic", intraOpThreads: 2 });
  const tallies = gates.map((gate) => ({ gate, losses: [] as number[], energy: 0, error: 0, kind: "nmse" as LossKind }));
  try {
    const order = spreadOrder(examples.count, options.examplesMax ?? EXAMPLES_MAX);
    for (const [done, index] of order.entries()) {
      if (done > 0 && performance.now() > options.deadlineMs) break;
      const { feeds } = await examples.read(index);
      await addExample(session, feeds, gates, tallies, options.signal);
      options.onExample?.(done + 1, order.length);
    }
  } finally {
    await session.close();
  }
  return tallies.map(({ gate, losses, energy, error, kind }) => ({
    node: gate.node,
    sqnrDb: error === 0 ? Infinity : 10 * Math.log10(energy / error),
    loss: { kind, ...meanWithInterval(losses) },
    examples: losses.length,
  }));
}

type Tally = { readonly gate: Gate; readonly losses: number[]; energy: number; error: number; kind: LossKind };

async function addExample(session: OpenModel, feeds: Tensors, gates: readonly Gate[], tallies: readonly Tally[], signal: AbortSignal | undefined): Promise<void> {
  const probes = new Set(gates.flatMap(({ energy, error }) => [energy, error]));
  const off = { ...fitFeeds(session.inputs, feeds), ...Object.fromEntries(gates.map(({ input }) => [input, OFF])) };
  const answers = (results: Tensors) => Object.fromEntries(Object.entries(results).filter(([name]) => !probes.has(name)));
  const exact = await session.run(off);
  for (const tally of tallies) {
    // Runs block the thread: without a turn of the loop in between nobody could abort.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    tally.energy += numberOf(exact, tally.gate.energy);
    tally.error += numberOf(exact, tally.gate.error);
    const { kind, loss } = outputLoss(answers(exact), answers(await session.run({ ...off, [tally.gate.input]: ON })));
    tally.kind = kind;
    tally.losses.push(loss);
  }
}

function numberOf(results: Tensors, name: string): number {
  const value = results[name]?.data[0];
  return typeof value === "number" ? value : 0;
}

const GOLDEN = 0.618_033_988_749_895;

/** At most `most` indices of `count`, so that those first in order are spread over all: whoever stops early has seen every part. */
function spreadOrder(count: number, most: number): number[] {
  const chosen = Array.from({ length: Math.min(count, most) }, (_, at) => (count <= most ? at : Math.floor((at * count) / most)));
  const place = (at: number) => (at * GOLDEN) % 1;
  return chosen.map((index, at) => [index, place(at)] as const).sort(([, a], [, b]) => a - b).map(([index]) => index);
}

const Z = 1.96;

function meanWithInterval(values: readonly number[]): { readonly mean: number; readonly low: number; readonly high: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2 || !Number.isFinite(mean)) return { mean, low: 0, high: Infinity };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const half = Z * Math.sqrt(variance / values.length);
  return { mean, low: Math.max(0, mean - half), high: mean + half };
}
