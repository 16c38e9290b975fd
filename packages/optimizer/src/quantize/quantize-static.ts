import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { cloneModel, GraphIndex } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import { isDequantize, isQuantize } from "../fusion/qdq-view.ts";
import type { LayerRounding, RoundingOptions } from "../rounding/adapt-rounding.ts";
import { adaptRounding } from "../rounding/adapt-rounding.ts";
import { activationScales, tensorsToObserve } from "./activation-ranges.ts";
import { alignChannels } from "./align-channels.ts";
import type { BiasCorrection } from "./bias-correction.ts";
import { correctBiases } from "./bias-correction.ts";
import type { CalibrationMethod } from "./calibrate.ts";
import { calibrate, tailRatio } from "./calibrate.ts";
import { qdqProblems } from "./check-qdq.ts";
import { decisionsAsRun } from "./decisions-as-run.ts";
import { equaliseLayers } from "./equalise.ts";
import type { Guard } from "./keep-in-float.ts";
import { keepInFloat } from "./keep-in-float.ts";
import type { NumberFormat, Quantisation } from "./number-formats.ts";
import { NUMBER_FORMATS } from "./number-formats.ts";
import type { NodeDecision, Placement, PlacementOptions } from "./placement.ts";
import { placeQuantisers } from "./placement.ts";
import { QuantisationRefusal } from "./quantisation-refusal.ts";
import type { CalibrationContext } from "./sampler.ts";
import { smoothActivations } from "./smooth-quant.ts";
import type { TensorStatistics } from "./tensor-statistics.ts";
import { writeQdq } from "./write-qdq.ts";

export type QuantizeOptions = PlacementOptions & {
  /** Default least-squares. */
  readonly calibration?: CalibrationMethod;
  /** Type of activations: unsigned runs well everywhere, signed is for ARM alone. Default "uint8". */
  readonly activations?: "uint8" | "int8";
  /** A scale per output channel of the weights. Default true. */
  readonly perChannel?: boolean;
  /** Nodes whose weights use seven bits, so that their sums fit the 16 bits of x86 CPUs without VNNI; or all. */
  readonly reducedRange?: readonly string[] | "all";
  /** Cross-layer equalisation first. Worth trying with `perChannel: false`. Default false. */
  readonly equalise?: boolean;
  /** SmoothQuant first, for transformers. Default false. */
  readonly smooth?: boolean;
  /** Shifts biases by the mean error that rounding weights makes, measured on this many examples. Default: none. */
  readonly biasCorrection?: BiasCorrection;
  /** "adaptive": weights are rounded up or down so that each layer's outputs change least; takes minutes. Default "nearest". */
  readonly rounding?: "nearest" | "adaptive";
  readonly adaptiveRounding?: RoundingOptions;
  /** Levels of the weights on each side of 0, kept in int8: 7 shows what four bits would do. Default 127, or 64 for `reducedRange`. */
  readonly weightLevels?: number;
};

type TensorReport = {
  readonly tensor: string;
  readonly scale: number;
  readonly zeroPoint: number;
  /** What the examples showed; null for ranges that are known without looking. */
  readonly observed: { readonly min: number; readonly max: number } | null;
  /** Width over the second half of the examples as a multiple of that over the first: far from 1, the examples are too few. */
  readonly drift: number | null;
  /** Observed extreme as a multiple of that of 99.99 per cent of the values; null without histograms. */
  readonly tailRatio: number | null;
  /** Examples that gave no finite extremes here. */
  readonly notFinite: number;
};

export type QuantizeReport = {
  /** What each node is in ONNX Runtime, by the fusion matrix: on ARM for signed activations, on x86 for unsigned ones. */
  readonly nodes: readonly NodeDecision[];
  /** Operators written to keep nodes in float. */
  readonly guards: readonly Guard[];
  readonly tensors: readonly TensorReport[];
  readonly examples: number;
  readonly correctedBiases: number;
  /** The layers that adaptive rounding tried; empty for nearest. */
  readonly rounding: readonly LayerRounding[];
};

/**
 * Static int8 quantisation: decides what runs on integers, observes ranges on the examples, writes QuantizeLinear/DequantizeLinear. The
 * model is simplified, float32, of opset 13 or later, in order, with unique node names and no initializer among its inputs; it stays
 * untouched. Same model, examples and options give the same bytes. Throws `QuantisationRefusal`; an aborted signal rejects with its
 * reason.
 */
export async function quantizeStatic(
  model: OnnxModel,
  examples: ExampleSource,
  options: QuantizeOptions = {},
  context: CalibrationContext = {},
): Promise<{ readonly model: OnnxModel; readonly report: QuantizeReport }> {
  const source = prepared(model, examples);
  if (options.equalise === true && equaliseLayers.appliesTo(source, {}) === null) await equaliseLayers.run(source, {});
  if (options.smooth === true) await smoothActivations(source, examples, {}, context);
  const placement = placeQuantisers(source, options);
  if (placement.quantised.length === 0) {
    const reasons = [...new Set(placement.decisions.flatMap(({ opType, reason }) => (reason === null ? [] : [`${opType}: ${reason}`])))];
    throw new QuantisationRefusal("nothing_to_quantise", `No part of this model would run on integers. ${reasons.slice(0, 5).join("; ")}.`);
  }
  const method = options.calibration ?? { kind: "least-squares" };
  // Other weights, other values: what is known of the model as it was does not hold.
  const observing = options.equalise === true || options.smooth === true ? { ...context, known: new Map<string, TensorStatistics>() } : context;
  const statistics = await calibrate(source, tensorsToObserve(source.graph, placement), examples, method, observing);
  const activations = activationScales(source.graph, placement, statistics, { method, format: NUMBER_FORMATS[options.activations ?? "uint8"] });
  const nearest = { placement, activations, weights: (node: OnnxNode) => weightFormat(node, options) };
  const { roundings, layers } = options.rounding === "adaptive" ? await adaptRounding(source, nearest, examples, options.adaptiveRounding, context) : UNROUNDED;
  const plan = { ...nearest, roundings };
  const biasCorrections = options.biasCorrection === undefined ? new Map<string, Float64Array>() : await correctBiases(source, plan, examples, options.biasCorrection, context);
  const written = writeQdq(source, { ...plan, biasCorrections });
  const floats = new Set(placement.decisions.flatMap(({ node, state }) => (state === "float" ? [node] : [])));
  const guards = keepInFloat(written, floats, new Set(options.keepFloat));
  alignChannels(written);
  const problems = qdqProblems(written);
  if (problems.length > 0) throw new QuantisationRefusal("unsound_result", `The quantised model is not sound: ${problems.slice(0, 5).join("; ")}.`);
  const nodes = decisionsAsRun(placement.decisions, written, options.activations === "int8" ? "arm" : "x86");
  const tensors = tensorReports(placement, activations, statistics);
  return { model: written, report: { nodes, guards, tensors, examples: examples.count, correctedBiases: biasCorrections.size, rounding: layers } };
}

const UNROUNDED = { roundings: new Map<string, never>(), layers: [] };

/** A copy with every node named: decisions and audits go by name. */
function prepared(model: OnnxModel, examples: ExampleSource): OnnxModel {
  if (examples.count < 1) throw new QuantisationRefusal("no_examples", "Ranges are observed on examples, and there are none.");
  if (model.graph.nodes.some((node) => isQuantize(node) || isDequantize(node))) {
    throw new QuantisationRefusal("already_quantised", "The model has QuantizeLinear or DequantizeLinear nodes already.");
  }
  const copy = cloneModel(model);
  const index = new GraphIndex(copy.graph);
  for (const node of copy.graph.nodes) if (node.name === "") node.name = index.freshName(`${node.opType}_${node.outputs[0] ?? ""}`);
  return copy;
}

function weightFormat(node: OnnxNode, options: QuantizeOptions): { readonly format: NumberFormat; readonly perChannel: boolean } {
  const isReduced = options.reducedRange === "all" || options.reducedRange?.includes(node.name) === true;
  const format: NumberFormat = isReduced ? NUMBER_FORMATS.int8SymmetricReduced : NUMBER_FORMATS.int8Symmetric;
  const levels = options.weightLevels;
  return { format: levels === undefined ? format : { ...format, lowest: -levels, highest: levels }, perChannel: options.perChannel ?? true };
}

function tensorReports(placement: Placement, activations: ReadonlyMap<string, Quantisation>, statistics: ReadonlyMap<string, TensorStatistics>): TensorReport[] {
  return [...activations].map(([tensor, { scale, zeroPoint }]) => {
    const entry = statistics.get(tensor) ?? statistics.get(placement.groups.find(tensor));
    const observed = entry === undefined || entry.samples === 0 ? null : entry.observed;
    return {
      tensor,
      scale,
      zeroPoint,
      observed,
      drift: entry?.drift ?? null,
      tailRatio: entry === undefined ? null : tailRatio(entry),
      notFinite: entry?.notFinite ?? 0,
    };
  });
}
