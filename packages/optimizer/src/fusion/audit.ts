import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { openModel } from "@flotilla/runtime";
import type { OnnxGraph, OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { cloneModel, GraphIndex, inferShapes, readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import { nodeMacs } from "./macs.ts";
import { fusionRule, isIntegerKernel, movesValues } from "./matrix.ts";
import type { Prediction, TargetClass } from "./predict.ts";
import { predictFusion } from "./predict.ts";
import { isDequantize, isQuantize } from "./qdq-view.ts";

/** What became of one node of the model in the graph that ONNX Runtime really runs. */
export type AuditedNode = {
  readonly node: string;
  readonly opType: string;
  /** "gone": the runtime has taken the node out, or made it part of another. */
  readonly state: "integer" | "float" | "gone";
  /** Operator that runs it, or runs what it became part of; null when nothing is left of it. */
  readonly kernel: string | null;
  /** Why it stayed float; null when it did not. */
  readonly reason: string | null;
  /** Whether the fusion matrix said so beforehand. */
  readonly isAsPredicted: boolean;
  /** Multiply-accumulates of one run, named sizes counted as 1; null for operators that are not counted. */
  readonly macs: number | null;
};

export type FusionAudit = {
  /** All nodes of the main graph but its QuantizeLinear and DequantizeLinear. */
  readonly nodes: readonly AuditedNode[];
  /** QuantizeLinear and DequantizeLinear nodes that the runtime runs. */
  readonly conversions: number;
};

/** Multiply-accumulates of one run, in all and in integer kernels. Both 0 for a model without any. */
export function integerShare(audit: readonly AuditedNode[]): { readonly macs: number; readonly integerMacs: number } {
  const sum = (nodes: readonly AuditedNode[]) => nodes.reduce((total, { macs }) => total + (macs ?? 0), 0);
  return { macs: sum(audit), integerMacs: sum(audit.filter(({ state }) => state === "integer")) };
}

/**
 * Opens a quantised model at the level "extended", has the runtime write the graph it made of it, and says node by node what runs on
 * integers. Node names have to be unique. "arm" keeps signed activations, as the runtime does there. One temporary file in `workDir`.
 */
export async function auditFusion(model: OnnxModel, options: { readonly workDir: string; readonly target?: TargetClass }): Promise<FusionAudit> {
  const target = options.target ?? "x86";
  const optimised = await optimisedGraph(model, options.workDir, target);
  const view = new OptimisedView(optimised);
  const original = new GraphIndex(model.graph);
  const nodes = new Map(model.graph.nodes.map((node) => [node.name, node]));
  const types = inferShapes(model);
  const audits = predictFusion(model, target).map((prediction) => {
    const node = nodes.get(prediction.node);
    const found = node === undefined ? null : view.find(node, original);
    const outcome = found === null ? audited(prediction, "gone", null) : audited(prediction, view.isInteger(found) ? "integer" : "float", found.opType);
    return { ...outcome, macs: node === undefined ? null : nodeMacs(node, types) };
  });
  return { nodes: audits, conversions: optimised.nodes.filter((node) => isQuantize(node) || isDequantize(node)).length };
}

function audited(prediction: Prediction, state: AuditedNode["state"], kernel: string | null): Omit<AuditedNode, "macs"> {
  const expected = prediction.state === "merged" || prediction.state === "removed" ? "gone" : prediction.state;
  const isAsPredicted = expected === state && (state !== "integer" || prediction.kernel === kernel);
  const unforeseen = "ONNX Runtime left it in float though its fusion matrix allows an integer kernel";
  const reason = state === "float" ? (prediction.reason ?? unforeseen) : null;
  return { node: prediction.node, opType: prediction.opType, state, kernel, reason, isAsPredicted };
}

async function optimisedGraph(model: OnnxModel, workDir: string, target: TargetClass): Promise<OnnxGraph> {
  const optimizedModelPath = join(workDir, `fusion-audit-${randomUUID()}.onnx`);
  try {
    const session = await openModel(writeOnnx(cloneModel(model)), {
      graphOptimization: "extended",
      optimizedModelPath,
      ...(target === "arm" ? { sessionConfig: { qdqisint8allowed: "1" } } : {}),
    });
    await session.close();
    return readOnnx(await readFile(optimizedModelPath)).graph;
  } finally {
    await rm(optimizedModelPath, { force: true });
  }
}

const INTEGER_TYPES = new Set(["int8", "uint8", "int16", "uint16"]);

/** The graph the runtime wrote, with the values in it that are integers. */
class OptimisedView {
  readonly #index: GraphIndex;
  readonly #byName: ReadonlyMap<string, OnnxNode>;
  readonly #integers = new Set<string>();

  constructor(graph: OnnxGraph) {
    this.#index = new GraphIndex(graph);
    this.#byName = new Map(graph.nodes.map((node) => [node.name, node]));
    for (const tensor of graph.initializers) if (INTEGER_TYPES.has(tensor.elementType)) this.#integers.add(tensor.name);
    for (const { name, type } of graph.inputs) if (type?.kind === "tensor" && INTEGER_TYPES.has(type.elementType)) this.#integers.add(name);
    for (const node of graph.nodes) if (givesIntegers(node, this.#integers)) for (const name of node.outputs) this.#integers.add(name);
  }

  /** The node that runs `node`: of its name, or that makes its output or, when it was merged into the next, the output of that. */
  find(node: OnnxNode, original: GraphIndex): OnnxNode | null {
    const named = this.#byName.get(node.name);
    if (named !== undefined) return named;
    let output = node.outputs[0] ?? "";
    for (let hops = 0; hops < 3; hops += 1) {
      const producer = this.#maker(output);
      if (producer !== null) return isQuantize(producer) || isDequantize(producer) || this.#isOther(producer, node, original) ? null : producer;
      const next = original.onlyConsumer(output);
      if (next === null || isQuantize(next)) return null;
      output = next.outputs[0] ?? "";
    }
    return null;
  }

  /** What makes a value; the runtime gives it another name where it has carried a quantiser behind it. */
  #maker(value: string): OnnxNode | null {
    return this.#index.producer(value) ?? this.#index.producer(`${value}_pre_q`);
  }

  /** Whether the found node is another original node that has taken over the output, ours being gone; a fused node is both. */
  #isOther(found: OnnxNode, node: OnnxNode, original: GraphIndex): boolean {
    if (found.opType.startsWith("Fused") && fusionRule(node).kind !== "nothing") return false;
    return original.graph.nodes.some(({ name }) => name === found.name);
  }

  isInteger(node: OnnxNode): boolean {
    if (isIntegerKernel(node.opType)) return true;
    return (movesValues(node.opType) || node.opType === "ArgMax" || node.opType === "Pad") && this.#integers.has(node.inputs[0] ?? "");
  }
}

/** QGemm gives integers only when it has been given a scale for its output. */
function givesIntegers(node: OnnxNode, integers: ReadonlySet<string>): boolean {
  if (node.opType === "QuantizeLinear" || node.opType.startsWith("QLinear")) return true;
  if (node.opType === "QGemm") return (node.inputs[7] ?? "") !== "";
  return movesValues(node.opType) && integers.has(node.inputs[0] ?? "");
}
