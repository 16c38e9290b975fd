import { cloneNode, tensorNumbers, type OnnxNode } from "@flotilla/runtime/ir";
import type { GraphBuilder } from "../graph/graph-builder.ts";
import { convolutionForm } from "../lower/convolution-forms.ts";
import { FORWARD_FORMS } from "../lower/forward-forms.ts";
import { learntValues } from "../lower/learnt-values.ts";
import { pooledConvolutions } from "../lower/pooled-convolution.ts";
import type { PreparedModel } from "../prepare/prepared-model.ts";
import { GraphMath } from "./graph-math.ts";

/** A node as it was written, and what it kept for its gradient. */
export type WrittenNode = { readonly node: OnnxNode; readonly saved: Readonly<Record<string, string>> };

export type Forward = {
  readonly math: GraphMath;
  readonly nodes: readonly WrittenNode[];
  /** What each running statistic becomes by this step. */
  readonly bufferUpdates: readonly { readonly buffer: string; readonly value: string }[];
  /** Inputs of the graph that want numbers from 0 to 1, drawn anew for each batch. */
  readonly noise: readonly string[];
  constant(value: string | undefined): readonly number[] | null;
};

/** Writes a prepared model into a graph, in a form whose gradient can be written behind it. Its inputs, parameters and buffers are values of the graph already. */
export function emitForward(builder: GraphBuilder, prepared: PreparedModel): Forward {
  const math = new GraphMath(builder);
  for (const tensor of prepared.constants.values()) if (!builder.has(tensor.name)) builder.initializer(tensor);
  const constant = (value: string | undefined): readonly number[] | null => {
    const tensor = value === undefined ? undefined : prepared.constants.get(value);
    return tensor === undefined ? null : [...tensorNumbers(tensor)];
  };
  const buffers = new Set(prepared.buffers.map(({ name }) => name));
  const bufferUpdates: { buffer: string; value: string }[] = [];
  const noise: string[] = [];
  const learnt = learntValues(prepared);
  const pooled = pooledConvolutions(prepared);
  const isReplaced = new Set([...pooled.values()].flatMap(({ replaced }) => replaced));
  const nodes = prepared.nodes.filter((node) => !isReplaced.has(node)).map((original): WrittenNode => {
    const node = pooled.get(original)?.node ?? original;
    const form = convolutionForm(math, node, prepared, learnt) ?? (node.domain === "" ? FORWARD_FORMS[node.opType] : undefined);
    const isFixedNorm = node.opType === "BatchNormalization" && !buffers.has(node.inputs[3] ?? "");
    if (form === undefined || isFixedNorm) {
      adoptInLayout(math, cloneNode(node), prepared);
      return { node, saved: {} };
    }
    const saved = form({ math, node, inputs: node.inputs, outputs: node.outputs, dims: (value) => prepared.types.get(value)?.dims ?? builder.dimsOf(value), constant });
    for (const [position, key] of [[3, "movedMean"], [4, "movedVariance"]] as const) {
      const value = saved[key];
      if (value !== undefined) bufferUpdates.push({ buffer: node.inputs[position] ?? "", value });
    }
    if (saved["noise"] !== undefined) noise.push(saved["noise"]);
    return { node, saved };
  });
  return { math, nodes, bufferUpdates, noise, constant };
}

/** Work element by element on each of their inputs. */
const ELEMENTWISE: ReadonlySet<string> = new Set([
  "Add", "Sub", "Sum", "Mul", "Div", "Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "Tanh", "Softplus", "Elu", "Erf", "Gelu", "HardSwish", "HardSigmoid",
]);

/** Takes a node over as it is; one that works element by element on transposed values works on what they are transposes of. */
function adoptInLayout(math: GraphMath, node: OnnxNode, { types }: PreparedModel): void {
  const [output = ""] = node.outputs;
  const type = types.get(output);
  const layout = node.domain === "" && ELEMENTWISE.has(node.opType) && type !== undefined ? math.layoutOf(node.inputs.filter((name) => name !== "")) : null;
  if (layout === null || type === undefined) return math.builder.adopt(node, node.outputs.map((name) => types.get(name) ?? null));
  const inner = math.builder.freshName(node.opType);
  const operands = [...layout.operands];
  node.inputs = node.inputs.map((name) => (name === "" ? "" : (operands.shift() ?? "")));
  node.outputs = [inner];
  math.builder.adopt(node, [{ ...type, dims: layout.dims }]);
  math.transposeAs(output, inner, layout.permutation);
}
