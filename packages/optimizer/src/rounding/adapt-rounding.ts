import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { GraphIndex } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import type { CalibrationContext } from "../quantize/sampler.ts";
import type { QuantisedWeights } from "../quantize/weight-quantisation.ts";
import type { WriteOptions } from "../quantize/write-qdq.ts";
import { writeQdq } from "../quantize/write-qdq.ts";
import { LayerFitter } from "./layer-fitter.ts";
import type { RoundedLayer } from "./rounded-layer.ts";
import { roundedLayer } from "./rounded-layer.ts";
import { planSample, RowSampler } from "./sample-rows.ts";

export type RoundingOptions = {
  /** Steps per layer. Default 1,000. */
  readonly iterations?: number;
  /** Rows of a layer's input to fit and to measure on, a quarter of them held out. Default 2,048. */
  readonly rows?: number;
  /** Default 1. */
  readonly seed?: number;
  /**
   * Time for all layers together, shared evenly among those that are left. A layer that runs out of it keeps what it has; only then does
   * the result depend on the machine. Default ten minutes.
   */
  readonly timeMs?: number;
};

export type LayerRounding = {
  readonly node: string;
  /** Mean squared error of a row of held-out outputs against the float model, rounded to the nearest. */
  readonly nearestError: number | null;
  /** The same with adapted rounding; null where none was tried. */
  readonly adaptedError: number | null;
  readonly isAdapted: boolean;
  /** Weights that are not at their nearest level. */
  readonly moved: number;
  readonly steps: number;
  /** Why it stays at the nearest; null when it does not. */
  readonly reason: string | null;
};

const ITERATIONS = 1_000;
const ROWS = 2_048;
const TIME_MS = 600_000;
/** A fit needs about twelve float32 arrays of this size. */
const LARGEST_WEIGHTS = 4 * 2 ** 20;
const FEWEST_ROWS = 4;
const BATCH = 64;
/**
 * Of penalties from 0.1 to 100 and rates of 0.01 and 0.03 on a digit classifier with four-bit and three-bit weights, these left about the
 * least error in the held-out rows of most layers; tenfold penalties changed little, a tenth left many weights between two levels.
 */
const PENALTY = 10;
const RATE = 0.03;

/**
 * Rounds weights up or down so that each layer gives what it gives in the float model, instead of each to its nearest level (Nagel et al.,
 * "Up or Down? Adaptive Rounding for Post-Training Quantization", 2020): layer after layer, each fed by the quantised and rounded ones in
 * front of it. Scales stay. A rounding is taken only when the error on held-out examples falls. `model` stays untouched; nodes have names.
 * Same model, plan, examples and seed give the same roundings on one machine. An aborted signal rejects with its reason.
 */
export async function adaptRounding(
  model: OnnxModel,
  plan: WriteOptions,
  examples: ExampleSource,
  options: RoundingOptions = {},
  context: CalibrationContext = {},
): Promise<{ readonly roundings: ReadonlyMap<string, QuantisedWeights>; readonly layers: readonly LayerRounding[] }> {
  const fitter = await LayerFitter.open(context.threads ?? 2);
  try {
    return await new Rounder(model, plan, examples, options, context, fitter).run();
  } finally {
    await fitter.close();
  }
}

class Rounder {
  readonly #model: OnnxModel;
  readonly #plan: WriteOptions;
  readonly #examples: ExampleSource;
  readonly #options: Required<RoundingOptions>;
  readonly #context: CalibrationContext;
  readonly #fitter: LayerFitter;
  readonly #roundings = new Map<string, QuantisedWeights>();
  #done = 0;

  constructor(model: OnnxModel, plan: WriteOptions, examples: ExampleSource, options: RoundingOptions, context: CalibrationContext, fitter: LayerFitter) {
    this.#model = model;
    this.#plan = plan;
    this.#examples = examples;
    this.#options = { iterations: ITERATIONS, rows: ROWS, seed: 1, timeMs: TIME_MS, ...options };
    this.#context = context;
    this.#fitter = fitter;
  }

  async run(): Promise<{ readonly roundings: ReadonlyMap<string, QuantisedWeights>; readonly layers: readonly LayerRounding[] }> {
    const end = performance.now() + this.#options.timeMs;
    const index = new GraphIndex(this.#model.graph);
    const found = this.#model.graph.nodes.flatMap((node) => {
      const layer = this.#plan.placement.integer.has(node) ? roundedLayer(node, index, this.#plan) : null;
      return layer === null ? [] : [{ node, layer, sample: planSample(this.#examples, this.#options.rows, layer.matrix) }];
    });
    const work = found.map(({ sample }) => 2 * sample.examples.count + this.#options.iterations);
    const total = work.reduce((sum, units) => sum + units, 0);
    const layers: LayerRounding[] = [];
    for (const [at, { node, layer, sample }] of found.entries()) {
      const left = Math.max(0, end - performance.now());
      const goal = work.slice(0, at + 1).reduce((sum, units) => sum + units, 0);
      const tick = (units: number) => {
        this.#done = Math.min(goal, this.#done + units);
        this.#context.onSample?.(this.#done, total);
      };
      layers.push(left === 0 ? nearest(node, "the time for rounding was over") : await this.#round(node, layer, new RowSampler(layer.matrix, layer.bounds, sample), left / (found.length - at), tick));
      if (this.#done < goal) tick(goal - this.#done);
    }
    return { roundings: this.#roundings, layers };
  }

  async #round(node: OnnxNode, layer: RoundedLayer, sampler: RowSampler, timeMs: number, tick: (units: number) => void): Promise<LayerRounding> {
    const { problem, nearestLevels } = layer;
    if (problem.floor.length > LARGEST_WEIGHTS) return nearest(node, `${problem.floor.length} weights are too many to fit in bounded memory`);
    const { seed, iterations } = this.#options;
    const written = writeQdq(this.#model, { ...this.#plan, roundings: this.#roundings });
    const { fitted, heldOut } = await sampler.collect(this.#model, written, node, seed, { ...this.#context, onSample: () => tick(1) });
    if (Math.min(fitted.count, heldOut.count) < FEWEST_ROWS) return nearest(node, "the examples give too few rows to fit and to measure on");
    const nearestError = await this.#fitter.error(problem, nearestLevels, heldOut);
    const start = await this.#fitter.error(problem, nearestLevels, fitted);
    if (start === 0 || !Number.isFinite(start)) return { ...nearest(node, start === 0 ? "its values are exact" : "its values are not finite"), nearestError };
    const settings = { iterations, batch: BATCH, penalty: PENALTY, rate: RATE, seed, timeMs, signal: this.#context.signal, onSteps: tick };
    const { up, steps } = await this.#fitter.fit(problem, fitted, start, settings);
    const levels = problem.floor.map((level, at) => level + (up[at] ?? 0));
    const adaptedError = await this.#fitter.error(problem, levels, heldOut);
    const isAdapted = adaptedError < nearestError;
    if (isAdapted) this.#roundings.set(node.name, layer.withLevels(levels));
    const moved = isAdapted ? levels.reduce((count, level, at) => count + (level === nearestLevels[at] ? 0 : 1), 0) : 0;
    const reason = isAdapted ? null : "the error on held-out examples did not fall";
    return { node: node.name, nearestError, adaptedError, isAdapted, moved, steps, reason };
  }
}

function nearest(node: OnnxNode, reason: string): LayerRounding {
  return { node: node.name, nearestError: null, adaptedError: null, isAdapted: false, moved: 0, steps: 0, reason };
}
