import type { OnnxModel, OnnxValueInfo } from "@flotilla/runtime/ir";
import { cloneModel, GraphIndex, inferShapes, int64s, makeNode } from "@flotilla/runtime/ir";
import { strideFor } from "./histogram.ts";

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

/**
 * As `withTensorOutputs`, but of large tensors of known shape only the values leave the runtime that a histogram counts: every stride-th of them
 * in order. `outputs`: tensor → the output that has its values.
 */
export function withSampledOutputs(model: OnnxModel, tensors: readonly string[]): { readonly model: OnnxModel; readonly outputs: ReadonlyMap<string, string> } {
  const probed = cloneModel(model);
  const { graph } = probed;
  const types = inferShapes(probed);
  const index = new GraphIndex(graph);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const constants = new Map<string, string>();
  const constant = (value: bigint) => {
    const known = constants.get(`${value}`);
    if (known !== undefined) return known;
    const name = index.freshName(`sampling_${value}`);
    graph.initializers.push(int64s(name, [1], [value]));
    constants.set(`${value}`, name);
    return name;
  };
  const outputs = new Map<string, string>();
  for (const tensor of tensors.filter((name) => !inputs.has(name))) {
    const stride = strideFor(knownCount(types.get(tensor)?.shape));
    outputs.set(tensor, stride === 1 ? tensor : index.freshName(`${tensor}_sampled`));
    if (stride === 1) continue;
    const flat = index.freshName(`${tensor}_flat`);
    graph.nodes.push(
      makeNode("Reshape", [tensor, constant(-1n)], [flat], {}, { name: index.freshName(`${flat}_reshape`) }),
      makeNode("Slice", [flat, constant(0n), constant(END), constant(0n), constant(BigInt(stride))], [outputs.get(tensor) ?? ""], {}, { name: index.freshName(`${flat}_slice`) }),
    );
  }
  graph.outputs = [...outputs.values()].map(output);
  new GraphIndex(graph).removeUnused();
  return { model: probed, outputs };
}

/** The end of whatever is sliced (ONNX, Slice). */
const END = 2n ** 63n - 1n;

/** Number of elements; 0 where a size is not known. */
function knownCount(shape: readonly unknown[] | null | undefined): number {
  return (shape ?? [0]).reduce<number>((all, size) => all * (typeof size === "number" ? size : 0), 1);
}
