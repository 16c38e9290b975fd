import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { cloneModel, GraphIndex, tensorByteLength } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import { fusionRule, weightInput } from "../fusion/matrix.ts";
import { activationScales, tensorsToObserve } from "../quantize/activation-ranges.ts";
import { calibrate } from "../quantize/calibrate.ts";
import { NUMBER_FORMATS } from "../quantize/number-formats.ts";
import type { Placement } from "../quantize/placement.ts";
import { placeQuantisers } from "../quantize/placement.ts";
import type { QuantizeOptions } from "../quantize/quantize-static.ts";
import { quantizeStatic } from "../quantize/quantize-static.ts";
import { leastEnough } from "./bisect.ts";
import { gatedModel } from "./gated-model.ts";
import type { LatencyGain } from "./latency-gains.ts";
import { latencyGains, profiledLayers } from "./latency-gains.ts";
import type { NodeSensitivity } from "./measure-sensitivities.ts";
import { measureSensitivities } from "./measure-sensitivities.ts";
import { orderCandidates } from "./order-candidates.ts";
import { SearchRefusal } from "./search-refusal.ts";
import type { Trial } from "./trials.ts";
import { Trials } from "./trials.ts";

export type SearchGoal = {
  /** Percentage points of accuracy that may be lost; without labels, of answers that may change. */
  readonly maxAccuracyDropPoints: number;
  readonly maxSizeBytes?: number;
  readonly maxLatencyMsP95?: number;
  /** "latency" leaves in float what integers do not make quicker on this machine; "size" looks at bytes alone. */
  readonly objective: "latency" | "size";
};

export type SearchExamples = {
  /** Ranges and sensitivities are taken from these; they need no labels. */
  readonly calibration: ExampleSource;
  /** The goal is checked on these. */
  readonly verification: ExampleSource;
};

export type SearchContext = {
  /** Private and empty: models that are profiled lie there for a moment. */
  readonly workDir: string;
  /** Wall clock for all. Default 10 minutes. */
  readonly budgetMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (line: string) => void;
};

type RatedNode = NodeSensitivity & {
  readonly opType: string;
  /** Null when the objective is size. */
  readonly latency: LatencyGain | null;
};

export type SearchReport = {
  readonly nodes: readonly RatedNode[];
  /** Left in float since integers save nothing there. */
  readonly useless: readonly string[];
  /** Left in float for accuracy, those that cost most for what they save first. */
  readonly reverted: readonly string[];
  readonly trials: readonly Trial[];
  /** Why no solution meets the goal, or why the search is not complete; null when all is well. */
  readonly reason: string | null;
};

const BUDGET_MS = 600_000;
/** Of the budget: sensitivities end by then, profiles take so much each. */
const SENSITIVITY_SHARE = 0.4;
const PROFILE_SHARE = 0.02;
const PROFILE_MS_MAX = 5_000;

/**
 * int8 where it costs little, float where it costs much: measures for each node what it costs in accuracy alone and what it saves, and
 * gives back to float as few nodes as the goal on the verification examples asks for. `model` is as `quantizeStatic` wants it and stays
 * untouched; the result is null when no solution meets the goal. Throws `SearchRefusal` and the refusals of `quantizeStatic`; an aborted
 * signal rejects with its reason.
 */
export async function searchMixedPrecision(
  model: OnnxModel,
  examples: SearchExamples,
  goal: SearchGoal,
  options: QuantizeOptions,
  context: SearchContext,
): Promise<{ readonly model: OnnxModel | null; readonly report: SearchReport }> {
  if (examples.calibration.count < 1 || examples.verification.count < 1) throw new SearchRefusal("no_examples", "The search needs examples to measure and to verify on.");
  const started = performance.now();
  const budgetMs = context.budgetMs ?? BUDGET_MS;
  const source = named(model);
  const candidates = candidatesOf(source, options);
  const sensitivities = await sensitivitiesOf(source, candidates, examples.calibration, options, started + SENSITIVITY_SHARE * budgetMs, context);
  const gains = goal.objective === "size" ? null : await gainsOf(source, candidates, examples.calibration, options, budgetMs, context);
  const nodes = candidates.nodes.map((node, at): RatedNode => {
    const sensitivity = sensitivities[at];
    if (sensitivity === undefined) throw new RangeError(`${node.name} was not measured`);
    return { ...sensitivity, opType: node.opType, latency: gains?.[at] ?? null };
  });
  const index = new GraphIndex(source.graph);
  const rated = nodes.map(({ node, loss, latency }, at) => ({ node, loss: loss.mean, gain: latency === null ? savedBytes(candidates.nodes[at], index) : latency.gainUs }));
  const { useless, ladder } = orderCandidates(rated);
  const trials = new Trials(source, examples, goal, options, { ...context, deadlineMs: started + budgetMs });
  if (ladder.length === 0) return { model: null, report: { nodes, useless, reverted: [], trials: [], reason: "No node is quicker on integers on this machine than in float." } };
  const { count, isCut } = await leastEnough(ladder.length - 1, (reverted) => trials.isAccurate([...useless, ...ladder.slice(0, reverted)]));
  const outcome = await trials.conclude(count === null ? null : [...useless, ...ladder.slice(0, count)]);
  const cutShort = isCut ? "The time for the search was over before it was complete." : null;
  const reason = [outcome.reason, cutShort].filter((part) => part !== null).join(" ");
  return { model: outcome.model, report: { nodes, useless, reverted: ladder.slice(0, count ?? 0), trials: trials.done, reason: reason === "" ? null : reason } };
}

/** A copy with every node named: all that is found out goes by name. */
function named(model: OnnxModel): OnnxModel {
  const copy = cloneModel(model);
  const index = new GraphIndex(copy.graph);
  for (const node of copy.graph.nodes) if (node.name === "") node.name = index.freshName(`${node.opType}_${node.outputs[0] ?? ""}`);
  return copy;
}

type Candidates = { readonly nodes: readonly OnnxNode[]; readonly placement: Placement };

/** Nodes with an integer kernel; those that only move values follow their neighbours. */
function candidatesOf(model: OnnxModel, options: QuantizeOptions): Candidates {
  const placement = placeQuantisers(model, options);
  const nodes = model.graph.nodes.filter((node) => placement.integer.has(node) && fusionRule(node).kind === "kernel");
  if (nodes.length > 0) return { nodes, placement };
  const reasons = [...new Set(placement.decisions.flatMap(({ opType, reason }) => (reason === null ? [] : [`${opType}: ${reason}`])))];
  throw new SearchRefusal("nothing_to_search", `No part of this model would run on integers. ${reasons.slice(0, 5).join("; ")}.`);
}

async function sensitivitiesOf(
  model: OnnxModel,
  { nodes, placement }: Candidates,
  examples: ExampleSource,
  options: QuantizeOptions,
  deadlineMs: number,
  { signal, onProgress }: SearchContext,
): Promise<NodeSensitivity[]> {
  const abort = signal === undefined ? {} : { signal };
  const method = options.calibration ?? { kind: "least-squares" };
  const statistics = await calibrate(model, tensorsToObserve(model.graph, placement), examples, method, abort);
  const activations = activationScales(model.graph, placement, statistics, { method, format: NUMBER_FORMATS[options.activations ?? "uint8"] });
  const format = options.reducedRange === "all" ? NUMBER_FORMATS.int8SymmetricReduced : NUMBER_FORMATS.int8Symmetric;
  const gated = gatedModel(model, nodes, { placement, activations, weights: () => ({ format, perChannel: options.perChannel ?? true }) });
  onProgress?.(`Measuring what each of ${nodes.length} nodes costs on integers.`);
  const measured = await measureSensitivities(gated, examples, { deadlineMs, ...abort });
  onProgress?.(`Measured on ${measured[0]?.examples ?? 0} examples.`);
  return measured;
}

async function gainsOf(model: OnnxModel, { nodes }: Candidates, examples: ExampleSource, options: QuantizeOptions, budgetMs: number, context: SearchContext): Promise<LatencyGain[]> {
  context.onProgress?.("Timing each node in float and on integers.");
  const { model: integer } = await quantizeStatic(model, examples, options, context.signal === undefined ? {} : { signal: context.signal });
  const profileMs = Math.min(PROFILE_MS_MAX, PROFILE_SHARE * budgetMs);
  const float = await profiledLayers(model, context.workDir, profileMs);
  return latencyGains(model, nodes, float, await profiledLayers(integer, context.workDir, profileMs));
}

/** Three of four bytes of the weights; 1 for nodes without. */
function savedBytes(node: OnnxNode | undefined, index: GraphIndex): number {
  const input = node === undefined ? null : weightInput(node, 2);
  const tensor = node === undefined || input === null ? null : index.constantValue(node.inputs[input.input] ?? "");
  return tensor === null ? 1 : Math.max(1, (3 / 4) * (tensorByteLength(tensor.elementType, tensor.dims) ?? 0));
}
