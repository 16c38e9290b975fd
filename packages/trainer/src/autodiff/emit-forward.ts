import { cloneNode, tensorNumbers, type OnnxNode } from "@flotilla/runtime/ir";
import type { GraphBuilder } from "../graph/graph-builder.ts";
import { denseConvolution, isProductOfColumns } from "../lower/dense-convolution.ts";
import { FORWARD_FORMS } from "../lower/forward-forms.ts";
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
  const pooled = pooledConvolutions(prepared);
  const isReplaced = new Set([...pooled.values()].flatMap(({ replaced }) => replaced));
  const nodes = prepared.nodes.filter((node) => !isReplaced.has(node)).map((original): WrittenNode => {
    const node = pooled.get(original)?.node ?? original;
    const form = isProductOfColumns(node, prepared) ? denseConvolution : node.domain === "" ? FORWARD_FORMS[node.opType] : undefined;
    const isFixedNorm = node.opType === "BatchNormalization" && !buffers.has(node.inputs[3] ?? "");
    if (form === undefined || isFixedNorm) {
      builder.adopt(cloneNode(node), node.outputs.map((name) => prepared.types.get(name) ?? null));
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
