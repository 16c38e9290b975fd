import type { OnnxModel, OnnxValueInfo } from "@flotilla/runtime/ir";
import { cloneModel, GraphIndex, makeNode } from "@flotilla/runtime/ir";

/** Where a probed model gives the extremes of a value. No `min`: the value cannot be negative, and 0 is in every range anyway. */
export type RangeProbe = { readonly tensor: string; readonly min: string | null; readonly max: string };

/** Operators whose values are never negative. */
const NOT_NEGATIVE = new Set(["Relu", "Softmax", "Sigmoid", "HardSigmoid", "Abs", "Exp", "Sqrt"]);

function output(name: string): OnnxValueInfo {
  return { name, type: { kind: "tensor", elementType: "float32", shape: null, denotation: "" }, docString: "", metadata: [], unknownFields: [] };
}

/** A copy of the model whose outputs are the extremes of the tensors: one or two numbers a tensor leave the runtime. */
export function withRangeProbes(model: OnnxModel, tensors: readonly string[]): { readonly model: OnnxModel; readonly probes: readonly RangeProbe[] } {
  const probed = cloneModel(model);
  const index = new GraphIndex(probed.graph);
  const probes = tensors.map((tensor): RangeProbe => {
    const isNotNegative = NOT_NEGATIVE.has(index.producer(tensor)?.opType ?? "");
    const probe = { tensor, min: isNotNegative ? null : index.freshName(`${tensor}_min`), max: index.freshName(`${tensor}_max`) };
    for (const [opType, name] of [["ReduceMin", probe.min], ["ReduceMax", probe.max]] as const) {
      if (name !== null) probed.graph.nodes.push(makeNode(opType, [tensor], [name], { keepdims: { int: 0 } }, { name: index.freshName(`${name}_probe`) }));
    }
    return probe;
  });
  probed.graph.outputs = probes.flatMap(({ min, max }) => [...(min === null ? [] : [output(min)]), output(max)]);
  new GraphIndex(probed.graph).removeUnused();
  return { model: probed, probes };
}

/** A copy of the model that gives the tensors themselves. Inputs are not listed: the caller has them. */
export function withTensorOutputs(model: OnnxModel, tensors: readonly string[]): OnnxModel {
  const probed = cloneModel(model);
  const inputs = new Set(probed.graph.inputs.map(({ name }) => name));
  probed.graph.outputs = tensors.filter((name) => !inputs.has(name)).map(output);
  new GraphIndex(probed.graph).removeUnused();
  return probed;
}
