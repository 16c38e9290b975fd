import { quoteName } from "../../model-refusal.ts";
import { cloneGraph, cloneNode } from "../clone-model.ts";
import { makeNode, subgraphs } from "../attributes.ts";
import { GraphIndex } from "../graph-index.ts";
import type { ValueType } from "../shapes/infer-shapes.ts";
import { inferInnerShapes } from "../shapes/infer-shapes.ts";
import type { OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from "../types.ts";
import { OpsetRefusal } from "./opset-refusal.ts";
import { STANDARD_OPERATORS } from "../standard-operators.ts";
import { nodeLabel, refusal, StepContext } from "./step.ts";
import type { Steps } from "./step.ts";
import { REPLACED, STEPS } from "./steps.ts";

const OLDEST = 7;
const NEWEST = 21;

/** The IR version that came with an operator set; older readers may rely on it. */
const IR_VERSIONS: readonly (readonly [opset: number, irVersion: number])[] = [[21, 10], [19, 9], [15, 8], [12, 7], [11, 6], [10, 5], [9, 4], [7, 3]];

/** From this IR version on an initializer that is also a graph input can be overridden by the caller. */
const IR_VERSION_OVERRIDABLE = 4;

/**
 * Brings the standard operators of a model to a newer set (7 … 21), in place, with its subgraphs and local functions; a model
 * that is there already stays as it is. `changed` says in a few words what became of which node. Throws `OpsetRefusal` that
 * names the node in the way; the model is then as it was.
 */
export function upgradeOpset(model: OnnxModel, version: number): { readonly changed: string[] } {
  const from = standardVersion(model);
  if (from >= version) return { changed: [] };
  if (from < OLDEST || version > NEWEST || !Number.isInteger(version)) {
    throw new OpsetRefusal(`operator sets ${OLDEST} to ${NEWEST} can be upgraded, not ${from} to ${version}`);
  }
  const draft: OnnxModel = { ...model, graph: cloneGraph(model.graph), functions: [...model.functions], opsets: model.opsets.map((opset) => ({ ...opset })) };
  for (const nodes of [draft.graph.nodes, ...draft.functions.map((body) => body.nodes)]) refuseUnknown(nodes);
  raiseIrVersion(draft, version);
  const changed: string[] = [];
  const names = new GraphIndex(draft.graph);
  const fresh = (prefix: string) => names.freshName(prefix);
  for (let next = from + 1; next <= version; next += 1) {
    const steps = STEPS[next];
    if (steps !== undefined) {
      upgradeGraph(draft.graph, steps, { types: typesBefore(draft, steps), fresh, changed });
    }
    for (const opset of draft.opsets) if (opset.domain === "") opset.version = next;
  }
  draft.functions = draft.functions.map((body) => upgradeFunction(body, from, version, changed));
  Object.assign(model, draft);
  return { changed };
}

/** The version of the standard operators; a model without any is at none. */
function standardVersion(model: OnnxModel): number {
  return model.opsets.find(({ domain }) => domain === "")?.version ?? 0;
}

function refuseUnknown(nodes: readonly OnnxNode[]): void {
  for (const node of nodes) {
    if (node.domain === "" && !STANDARD_OPERATORS.has(node.opType) && !REPLACED.has(node.opType)) {
      throw refusal(node, `no standard operator is called ${quoteName(node.opType)}`);
    }
    for (const graph of subgraphs(node)) refuseUnknown(graph.nodes);
  }
}

function raiseIrVersion(model: OnnxModel, version: number): void {
  const needed = IR_VERSIONS.find(([opset]) => version >= opset)?.[1] ?? model.irVersion;
  if (model.irVersion >= needed) return;
  if (model.irVersion < IR_VERSION_OVERRIDABLE) {
    // Initializers had to be listed as inputs but could not be overridden; listed they now could.
    const initializers = new Set(model.graph.initializers.map(({ name }) => name));
    model.graph.inputs = model.graph.inputs.filter(({ name }) => !initializers.has(name));
  }
  model.irVersion = needed;
}

const NO_TYPES: ReadonlyMap<string, ValueType> = new Map();

/** Types of the values of a graph, by name. */
type TypesOf = (graph: OnnxGraph) => ReadonlyMap<string, ValueType>;

/**
 * Types as the model stands now, before a step. Inferred when somebody asks; at once when inner graphs have something to do,
 * since by then the outer one and its other inner graphs are a version further.
 */
function typesBefore(model: OnnxModel, steps: Steps): TypesOf {
  const before: OnnxModel = { ...model, graph: { ...model.graph } };
  let types: TypesOf | null = null;
  const infer = (): TypesOf => (types ??= inferInnerShapes(before));
  const hasInnerWork = (nodes: readonly OnnxNode[]): boolean =>
    nodes.some((node) => subgraphs(node).some((graph) => graph.nodes.some(({ opType }) => Object.hasOwn(steps, opType)) || hasInnerWork(graph.nodes)));
  if (hasInnerWork(model.graph.nodes)) infer();
  return (graph) => infer()(graph === model.graph ? before.graph : graph);
}

type Work = { readonly types: TypesOf; readonly fresh: (prefix: string) => string; readonly changed: string[] };

/** One version further, with the graphs inside. */
function upgradeGraph(graph: OnnxGraph, steps: Steps, work: Work): void {
  const context = new StepContext(graph, () => work.types(graph), work.fresh);
  graph.nodes = graph.nodes.flatMap((node): readonly OnnxNode[] => {
    const step = node.domain === "" && Object.hasOwn(steps, node.opType) ? steps[node.opType] : undefined;
    const outcome = step?.(cloneNode(node), context) ?? null;
    if (outcome === null) return [node];
    work.changed.push(`${node.opType} "${quoteName(nodeLabel(node))}" ${outcome.what}`);
    return outcome.nodes;
  });
  context.finish();
  for (const node of graph.nodes) for (const inner of subgraphs(node)) upgradeGraph(inner, steps, work);
}

/** A body has no initializers: constants stand in front of its nodes. Its own operator set, where it names one, is the start. */
function upgradeFunction(body: OnnxFunction, modelVersion: number, version: number, changed: string[]): OnnxFunction {
  const from = body.opsets.find(({ domain }) => domain === "")?.version ?? modelVersion;
  const graph: OnnxGraph = {
    name: body.name, nodes: body.nodes.map(cloneNode), initializers: [], sparseInitializers: [], inputs: [],
    outputs: body.outputs.map((name) => ({ name, type: null, docString: "", metadata: [], unknownFields: [] })),
    valueInfos: [], docString: "", metadata: [], unknownFields: [],
  };
  const names = new GraphIndex(graph);
  const work: Work = { types: () => NO_TYPES, fresh: (prefix) => names.freshName(prefix), changed };
  for (let next = from + 1; next <= version; next += 1) {
    const steps = STEPS[next];
    if (steps !== undefined) upgradeGraph(graph, steps, work);
  }
  const constants = graph.initializers.map((tensor) => makeNode("Constant", [], [tensor.name], { value: { tensor } }, { name: tensor.name }));
  const opsets = body.opsets.map((opset) => (opset.domain === "" ? { ...opset, version: Math.max(from, version) } : opset));
  return { ...body, nodes: [...constants, ...graph.nodes], opsets };
}
