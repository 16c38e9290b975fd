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
import type { RatedCandidate } from "./order-candidates.ts";
import { orderCandidates } from "./order-candidates.ts";
import { SearchRefusal } from "./search-refusal.ts";
import type { Quantised, Trial, TrialsContext } from "./trials.ts";
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

type RatedNode = {
  readonly node: string;
  readonly opType: string;
  /** Null when the objective is size. */
  readonly latency: LatencyGain | null;
  /** What the node costs alone. Null when nobody had to know: all of them on integers met the goal, or time was over. */
  readonly sensitivity: NodeSensitivity | null;
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
/** Of what is left of the budget after the first trial, what sensitivities may take; of the whole, what each profile takes. */
const SENSITIVITY_SHARE = 0.4;
const PROFILE_SHARE = 0.02;
const PROFILE_MS_MAX = 5_000;

/** What comes of a search: a model with what `quantizeStatic` says about it, or null when no solution meets the goal. */
type SearchOutcome = { readonly quantised: Quantised | null; readonly report: SearchReport };

/**
 * int8 where it costs little, float where it costs much: when all of it on integers does not meet the goal on the verification examples,
 * measures for each node what it costs in accuracy alone and what it saves, and gives as few nodes as possible back to float. `model` is
 * as `quantizeStatic` wants it and stays untouched. Throws `SearchRefusal` and the refusals of `quantizeStatic`; an aborted signal rejects
 * with its reason.
 */
export async function searchMixedPrecision(model: OnnxModel, examples: SearchExamples, goal: SearchGoal, options: QuantizeOptions, context: SearchContext): Promise<SearchOutcome> {
  if (examples.calibration.count < 1 || examples.verification.count < 1) throw new SearchRefusal("no_examples", "The search needs examples to measure and to verify on.");
  const budgetMs = context.budgetMs ?? BUDGET_MS;
  const deadlineMs = performance.now() + budgetMs;
  const source = named(model);
  const work: SearchWork = { source, candidates: candidatesOf(source, options), calibration: examples.calibration, options, context: { ...context, deadlineMs, known: new Map() } };
  const gains = goal.objective === "size" ? null : await gainsOf(work, budgetMs);
  let nodes = work.candidates.nodes.map((node, at): RatedNode => ({ node: node.name, opType: node.opType, latency: gains?.[at] ?? null, sensitivity: null }));
  // Who is useless does not depend on losses, which are not known yet.
  const { useless } = orderCandidates(rated(work, nodes));
  if (useless.length === nodes.length) return { quantised: null, report: { nodes, useless, reverted: [], trials: [], reason: "No node is quicker on integers on this machine than in float." } };
  const trials = new Trials(source, examples, goal, options, work.context);
  let ladder: readonly string[] = [];
  const { count, isCut } = await leastEnough(nodes.length - useless.length - 1, async (reverted) => {
    if (reverted > 0 && ladder.length === 0) {
      if (performance.now() > deadlineMs) return null;
      const measured = await sensitivitiesOf(work);
      nodes = nodes.map((node, at) => ({ ...node, sensitivity: measured[at] ?? null }));
      ladder = orderCandidates(rated(work, nodes)).ladder;
    }
    return trials.isAccurate([...useless, ...ladder.slice(0, reverted)]);
  });
  const outcome = await trials.conclude(count === null ? null : [...useless, ...ladder.slice(0, count)]);
  const cutShort = isCut ? "The time for the search was over before it was complete." : null;
  const reason = [outcome.reason, cutShort].filter((part) => part !== null).join(" ");
  return { quantised: outcome.quantised, report: { nodes, useless, reverted: ladder.slice(0, count ?? 0), trials: trials.done, reason: reason === "" ? null : reason } };
}

type SearchWork = {
  readonly source: OnnxModel;
  readonly candidates: Candidates;
  readonly calibration: ExampleSource;
  readonly options: QuantizeOptions;
  readonly context: TrialsContext;
};

function rated({ source, candidates }: SearchWork, nodes: readonly RatedNode[]): RatedCandidate[] {
  const index = new GraphIndex(source.graph);
  return nodes.map(({ node, latency, sensitivity }, at) => ({ node, loss: sensitivity?.loss.mean ?? 0, gain: latency === null ? savedBytes(candidates.nodes[at], index) : latency.gainUs }));
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

async function sensitivitiesOf({ source, candidates: { nodes, placement }, calibration, options, context }: SearchWork): Promise<NodeSensitivity[]> {
  const { signal, known, onProgress } = context;
  const abort = signal === undefined ? {} : { signal };
  const method = options.calibration ?? { kind: "least-squares" };
  const statistics = await calibrate(source, tensorsToObserve(source.graph, placement), calibration, method, { known, ...abort });
  const activations = activationScales(source.graph, placement, statistics, { method, format: NUMBER_FORMATS[options.activations ?? "uint8"] });
  const format = options.reducedRange === "all" ? NUMBER_FORMATS.int8SymmetricReduced : NUMBER_FORMATS.int8Symmetric;
  const gated = gatedModel(source, nodes, { placement, activations, weights: () => ({ format, perChannel: options.perChannel ?? true }) });
  onProgress?.(`Measuring what each of ${nodes.length} nodes costs on integers.`);
  const now = performance.now();
  const measured = await measureSensitivities(gated, calibration, { deadlineMs: now + SENSITIVITY_SHARE * (context.deadlineMs - now), ...abort });
  onProgress?.(`Measured on ${measured[0]?.examples ?? 0} examples.`);
  return measured;
}

async function gainsOf({ source, candidates, calibration, options, context }: SearchWork, budgetMs: number): Promise<LatencyGain[]> {
  const { signal, known, onProgress, workDir } = context;
  onProgress?.("Timing each node in float and on integers.");
  const { model: integer } = await quantizeStatic(source, calibration, options, { known, ...(signal === undefined ? {} : { signal }) });
  const profileMs = Math.min(PROFILE_MS_MAX, PROFILE_SHARE * budgetMs);
  const float = await profiledLayers(source, workDir, profileMs);
  return latencyGains(source, candidates.nodes, float, await profiledLayers(integer, workDir, profileMs));
}

/** Three of four bytes of the weights; 1 for nodes without. */
function savedBytes(node: OnnxNode | undefined, index: GraphIndex): number {
  const input = node === undefined ? null : weightInput(node, 2);
  const tensor = node === undefined || input === null ? null : index.constantValue(node.inputs[input.input] ?? "");
  return tensor === null ? 1 : Math.max(1, (3 / 4) * (tensorByteLength(tensor.elementType, tensor.dims) ?? 0));
}
