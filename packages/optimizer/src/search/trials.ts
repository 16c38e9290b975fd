import type { LatencySummary, OpenModel } from "@flotilla/runtime";
import { openModel } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { writeOnnx } from "@flotilla/runtime/ir";
import type { Evaluation } from "../evaluate/evaluate-variant.ts";
import { evaluateVariant } from "../evaluate/evaluate-variant.ts";
import { measureInterleaved } from "../evaluate/interleaved-latency.ts";
import type { PairedDifference } from "../evaluate/paired-difference.ts";
import { QuantisationRefusal } from "../quantize/quantisation-refusal.ts";
import type { QuantizeOptions, QuantizeReport } from "../quantize/quantize-static.ts";
import { quantizeStatic } from "../quantize/quantize-static.ts";
import type { TensorStatistics } from "../quantize/tensor-statistics.ts";
import type { SearchContext, SearchExamples, SearchGoal } from "./search-mixed-precision.ts";

/** One quantised model that was judged. */
export type Trial = {
  readonly keptFloat: readonly string[];
  readonly sizeBytes: number;
  /** Paired, on labelled examples; null without labels. */
  readonly accuracy: PairedDifference | null;
  /** Percentage points lost: of accuracy or, without labels, of answers that are the same. Null when there are no classes. */
  readonly dropPoints: number | null;
  readonly isAccurate: boolean;
};

export type Quantised = { readonly model: OnnxModel; readonly report: QuantizeReport };

type Conclusion = { readonly quantised: Quantised | null; readonly reason: string | null };

export type TrialsContext = SearchContext & { readonly deadlineMs: number; readonly known: Map<string, TensorStatistics> };

/** Makes quantised models and judges them on the verification examples, until the deadline. */
export class Trials {
  readonly done: Trial[] = [];
  readonly #source: OnnxModel;
  readonly #examples: SearchExamples;
  readonly #goal: SearchGoal;
  readonly #options: QuantizeOptions;
  readonly #context: TrialsContext;
  /** The last model that was accurate enough. */
  #accepted: { readonly keptFloat: readonly string[]; readonly quantised: Quantised } | null = null;

  constructor(source: OnnxModel, examples: SearchExamples, goal: SearchGoal, options: QuantizeOptions, context: TrialsContext) {
    this.#source = source;
    this.#examples = examples;
    this.#goal = goal;
    this.#options = options;
    this.#context = context;
  }

  /** Whether the model with these nodes in float loses no more than allowed; null when time is over. The first trial is always made. */
  async isAccurate(keptFloat: readonly string[]): Promise<boolean | null> {
    this.#context.signal?.throwIfAborted();
    if (this.done.length > 0 && performance.now() > this.#context.deadlineMs) return null;
    const quantised = await this.#make(keptFloat);
    // Too little is left for integers to be worth it: the float model itself, which loses nothing, and is no solution.
    if (quantised === null) return true;
    const bytes = writeOnnx(quantised.model);
    const { accuracy, agreement } = await this.#evaluated(bytes);
    const difference = accuracy?.difference ?? null;
    const dropPoints = difference !== null ? -difference.differencePp : agreement.topClass === null ? null : 100 * (1 - agreement.topClass.share);
    const isAccurate = dropPoints !== null && dropPoints <= this.#goal.maxAccuracyDropPoints;
    this.done.push({ keptFloat, sizeBytes: bytes.byteLength, accuracy: difference, dropPoints, isAccurate });
    if (isAccurate) this.#accepted = { keptFloat, quantised };
    this.#context.onProgress?.(`With ${keptFloat.length} nodes in float: ${lossInWords(difference, dropPoints)}.`);
    return isAccurate;
  }

  async #make(keptFloat: readonly string[]): Promise<Quantised | null> {
    if (this.#accepted?.keptFloat.join("\n") === keptFloat.join("\n")) return this.#accepted.quantised;
    const { signal, known } = this.#context;
    try {
      const all = [...(this.#options.keepFloat ?? []), ...keptFloat];
      return await quantizeStatic(this.#source, this.#examples.calibration, { ...this.#options, keepFloat: all }, { known, ...(signal === undefined ? {} : { signal }) });
    } catch (error) {
      if (error instanceof QuantisationRefusal && error.code === "nothing_to_quantise") return null;
      throw error;
    }
  }

  async #evaluated(bytes: Uint8Array): Promise<Evaluation> {
    const { signal } = this.#context;
    return this.#withBoth(bytes, (parent, variant) => evaluateVariant({ parent, variant, examples: this.#examples.verification, ...(signal === undefined ? {} : { signal }) }));
  }

  async #withBoth<T>(bytes: Uint8Array, work: (parent: OpenModel, variant: OpenModel) => Promise<T>): Promise<T> {
    const parent = await openModel(writeOnnx(this.#source));
    try {
      const variant = await openModel(bytes);
      try {
        return await work(parent, variant);
      } finally {
        await variant.close();
      }
    } finally {
      await parent.close();
    }
  }

  /** Makes the chosen model again and holds it against what the goal says beside accuracy. Null: no choice was accurate enough. */
  async conclude(keptFloat: readonly string[] | null): Promise<Conclusion> {
    const { maxAccuracyDropPoints, maxSizeBytes, maxLatencyMsP95 } = this.#goal;
    if (keptFloat === null) return { quantised: null, reason: this.#inaccurate(maxAccuracyDropPoints) };
    const quantised = await this.#make(keptFloat);
    if (quantised === null) return { quantised: null, reason: `No model with a node on integers loses at most ${maxAccuracyDropPoints} points.` };
    const bytes = writeOnnx(quantised.model);
    if (maxSizeBytes !== undefined && bytes.byteLength > maxSizeBytes) {
      return { quantised: null, reason: `The smallest model that is accurate enough has ${bytes.byteLength} bytes, more than ${maxSizeBytes}.` };
    }
    if (maxLatencyMsP95 === undefined) return { quantised, reason: null };
    const { p95 } = await this.#latency(bytes);
    return p95 <= maxLatencyMsP95 ? { quantised, reason: null } : { quantised: null, reason: `The quickest model that is accurate enough takes ${p95.toFixed(2)} ms (p95), more than ${maxLatencyMsP95}.` };
  }

  #inaccurate(limit: number): string {
    if (this.done.every(({ dropPoints }) => dropPoints === null)) return "The model gives no classes, so accuracy cannot be held against the goal.";
    const best = Math.min(...this.done.map(({ dropPoints }) => dropPoints ?? Infinity));
    return `No model with a node on integers loses at most ${limit} points; the best lost ${best.toFixed(2)}.`;
  }

  async #latency(bytes: Uint8Array): Promise<LatencySummary> {
    const { feeds } = await this.#examples.verification.read(0);
    const { signal } = this.#context;
    const measured = await this.#withBoth(bytes, (parent, variant) => measureInterleaved(parent, variant, feeds, signal === undefined ? {} : { signal }));
    return measured.variantMs;
  }
}

function lossInWords(difference: PairedDifference | null, dropPoints: number | null): string {
  if (dropPoints === null) return "not comparable";
  if (difference === null) return `${dropPoints.toFixed(2)} % of the answers changed`;
  return `${dropPoints.toFixed(2)} points lost (95 %: ${(-difference.highPp).toFixed(2)} to ${(-difference.lowPp).toFixed(2)}, ${difference.n} examples)`;
}
