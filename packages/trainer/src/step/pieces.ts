import { cloneNode, elementCount, intAttribute, subgraphs, tensorNumbers, type OnnxNode } from "@flotilla/runtime/ir";
import { valuesMadeOf } from "../graph/values-made-of.ts";
import type { PreparedModel } from "../prepare/prepared-model.ts";
import { frontAxis } from "../rules/rule.ts";

/**
 * The largest value of a piece of the batch. What is larger falls out of a core's cache between two operators: for each image of the seed network a step takes 0.37 ms of processor time with 32 images at
 * a time and 0.51 with 128.
 */
const LARGEST_VALUE_BYTES = 3 * 2 ** 20;
/** Fewer examples, and calling operators costs more than the cache saves. */
const EXAMPLES_MIN = 8;
const FLOAT_BYTES = 4;

/** Work on each example by itself, whatever their attributes say. */
const PER_EXAMPLE: ReadonlySet<string> = new Set([
  "Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization", "PRelu", "Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "Softplus", "Elu", "Erf", "Gelu", "HardSwish", "HardSigmoid",
  "Exp", "Log", "Sqrt", "Neg", "Abs", "QuantizeLinear", "DequantizeLinear", "Identity", "Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Pow",
]);

/** How many examples of a batch are computed at a time: all of them, unless they are independent of each other and large. A divisor of the batch. */
export function examplesAtATime(prepared: PreparedModel, batchSize: number): number {
  const carrying = valuesMadeOf(prepared.inputs.map(({ name }) => name), prepared.nodes);
  const isApart = prepared.buffers.length === 0 && prepared.inputs.every(({ type }) => type.dims[0] === batchSize)
    && prepared.nodes.every((node) => !node.inputs.some((name) => carrying.has(name)) || isPerExample(node, prepared, carrying, batchSize));
  if (!isApart) return batchSize;
  const largest = Math.max(1, ...prepared.nodes.flatMap(({ outputs }) => outputs.filter((name) => carrying.has(name)).map((name) => elementCount(prepared.types.get(name)?.dims ?? []) / batchSize)));
  const most = Math.floor(LARGEST_VALUE_BYTES / (FLOAT_BYTES * largest));
  for (let count = Math.min(most, batchSize); count >= EXAMPLES_MIN; count -= 1) if (batchSize % count === 0) return count;
  return batchSize;
}

/** Whether a node keeps examples apart along the first axis, and what it meets them with is the same for all. `carrying`: values that depend on the examples. */
function isPerExample(node: OnnxNode, { types, constants }: PreparedModel, carrying: ReadonlySet<string>, batchSize: number): boolean {
  const dims = (name: string): readonly number[] => types.get(name)?.dims ?? constants.get(name)?.dims ?? [];
  const out = dims(node.outputs[0] ?? "");
  const isOfBatch = (name: string): boolean => dims(name)[0] === batchSize && dims(name).length > 1;
  if (node.domain !== "" || subgraphs(node).length > 0 || !node.outputs.every((name) => name === "" || isOfBatch(name))) return false;
  if (!node.inputs.every((name) => !carrying.has(name) || isOfBatch(name)) || !carrying.has(node.inputs[0] ?? "")) return false;
  if (node.opType === "Flatten") return intAttribute(node, "axis", 1) >= 1;
  if (node.opType === "Gemm") return intAttribute(node, "transA", 0) === 0 && node.inputs.slice(1).every((name) => !carrying.has(name) && dims(name).length > 0 && dims(name)[0] !== batchSize);
  if (node.opType === "MatMul") return !carrying.has(node.inputs[1] ?? "") && dims(node.inputs[1] ?? "").length === 2;
  if (node.opType === "Softmax" || node.opType === "LogSoftmax") return frontAxis(intAttribute(node, "axis", -1), out.length) > 0;
  if (node.opType === "Reshape") {
    const told = constants.get(node.inputs[1] ?? "");
    const [first = 1n] = told === undefined ? [] : [...tensorNumbers(told)];
    return Number(first) <= 0;
  }
  const isBroadcast = (name: string): boolean => name === "" || dims(name).length < out.length || dims(name)[0] !== batchSize;
  return PER_EXAMPLE.has(node.opType) && node.inputs.every((name) => carrying.has(name) || isBroadcast(name));
}

/** The model once more under other names: every value but its weights and constants ends in the suffix. */
export function withSuffix(prepared: PreparedModel, suffix: string): PreparedModel {
  const own = new Set([...prepared.inputs.map(({ name }) => name), ...prepared.nodes.flatMap(({ outputs }) => outputs)]);
  const renamed = (name: string): string => (name !== "" && own.has(name) ? `${name}${suffix}` : name);
  return {
    ...prepared,
    nodes: prepared.nodes.map((node) => ({ ...cloneNode(node), inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed) })),
    types: new Map([...prepared.types].map(([name, type]) => [renamed(name), type])),
    inputs: prepared.inputs.map(({ name, type }) => ({ name: renamed(name), type })),
    outputs: prepared.outputs.map(renamed),
  };
}
