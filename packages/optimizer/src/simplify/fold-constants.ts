import { ModelRefusal, openModel } from "@flotilla/runtime";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { writeOnnx } from "@flotilla/runtime/ir";
import type { Pass, PassChange } from "../pass.ts";
import { planFold } from "./constant-nodes.ts";
import type { FoldPlan } from "./constant-nodes.ts";
import { GraphView } from "./graph-view.ts";
import { nodeLabel } from "./rewrite-pass.ts";
import { fromRuntime } from "./runtime-tensor.ts";

export const foldConstants: Pass = {
  name: "fold-constants",
  title: "What can be computed once and for all",
  expectedEffect: "nodes that depend on constants alone are computed now, by ONNX Runtime itself, unless the results would make the file grow",
  exactness: "bit-equal",
  appliesTo: () => null,
  async run(model) {
    const view = new GraphView(model);
    const plan = planFold(view);
    if (plan.results.length === 0) return [];
    const computed = await compute(model, plan);
    return computed === null ? await foldOneByOne(model, view, plan) : takeIn(view, plan, computed);
  },
};

/** Evaluates the whole part in one model; null when ONNX Runtime cannot, or cannot hand out one of the results. */
async function compute(model: OnnxModel, plan: FoldPlan): Promise<OnnxTensor[] | null> {
  try {
    const session = await openModel(writeOnnx({ ...model, graph: constantGraph(model.graph, plan) }), { graphOptimization: "disabled" });
    try {
      const outputs = Object.entries(await session.run({}));
      return outputs.length < plan.results.length ? null : outputs.map(([name, tensor]) => fromRuntime(name, tensor));
    } finally {
      await session.close();
    }
  } catch (error) {
    if (error instanceof ModelRefusal) return null;
    throw error;
  }
}

/** A graph without inputs: the constant nodes and what they read. */
function constantGraph(graph: OnnxGraph, { nodes, results }: FoldPlan): OnnxGraph {
  const read = new Set([...nodes].flatMap(({ inputs }) => inputs));
  return {
    ...graph,
    nodes: [...nodes],
    initializers: graph.initializers.filter(({ name }) => read.has(name)),
    sparseInitializers: [],
    inputs: [],
    outputs: results.map((name) => ({ name, type: null, docString: "", metadata: [], unknownFields: [] })),
    valueInfos: [],
  };
}

/** One node that ONNX Runtime cannot compute must not keep the others from being folded. */
async function foldOneByOne(model: OnnxModel, view: GraphView, plan: FoldPlan): Promise<PassChange[]> {
  const changes: PassChange[] = [];
  for (const node of plan.nodes) {
    if (!node.inputs.every((name) => name === "" || view.constant(name) !== null)) continue;
    const single = { nodes: new Set<OnnxNode>([node]), results: node.outputs.filter((name) => view.isUsed(name)) };
    const computed = await compute(model, single);
    if (computed !== null) changes.push(...takeIn(view, single, computed));
  }
  return changes;
}

function takeIn(view: GraphView, { nodes }: FoldPlan, computed: readonly OnnxTensor[]): PassChange[] {
  for (const node of nodes) view.remove(node);
  view.keepConstants(computed);
  return [...nodes].map((node) => ({ node: nodeLabel(node), what: `${node.opType} is a constant` }));
}
