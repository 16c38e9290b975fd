import { seededRandom } from "@flotilla/runtime";
import type { AttributeInput, OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { networkErrors } from "./network-check.ts";

type Attributes = Readonly<Record<string, AttributeInput>>;
const N = 3;
const ints = (...values: readonly number[]) => ({ ints: values });

/** A network under construction: layers with weights by seed, shapes said. */
function network() {
  const builder = new GraphBuilder("network");
  const random = seededRandom(11);
  const weights = (dims: readonly number[], spread = 0.5, around = 0): string => builder.floats(Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => around + spread * (2 * random() - 1)), dims);
  const layer = (opType: string, inputs: readonly string[], dims: readonly number[], attributes: Attributes = {}): string => builder.emit(opType, inputs, float32(dims), attributes);
  const norm = (x: string): string => {
    const dims = builder.dimsOf(x);
    const each = [dims[1] ?? 1];
    return layer("BatchNormalization", [x, weights(each, 0.3, 1), weights(each), weights(each), weights(each, 0.2, 1)], dims);
  };
  return { builder, weights, layer, norm };
}

/** Convolutions with pools behind them, then one of 16 channels on 4 × 4 places and a dense layer. */
function convolutional(): OnnxModel {
  const { builder, weights, layer } = network();
  const pool = { kernel_shape: ints(2, 2), strides: ints(2, 2) };
  const a = layer("MaxPool", [layer("Tanh", [layer("Conv", [builder.input("x", float32([N, 1, 14, 14])), weights([16, 1, 3, 3]), weights([16])], [N, 16, 12, 12])], [N, 16, 12, 12])], [N, 16, 6, 6], pool);
  const b = layer("Softplus", [layer("Conv", [a, weights([8, 16, 3, 3], 0.2), weights([8])], [N, 8, 4, 4])], [N, 8, 4, 4]);
  builder.output(layer("Gemm", [layer("Flatten", [b], [N, 128]), weights([128, 5], 0.2), weights([5])], [N, 5]), "y");
  return builder.toModel();
}

function residual(): OnnxModel {
  const { builder, weights, layer, norm } = network();
  const same = [N, 6, 6, 6];
  const first = layer("Tanh", [norm(layer("Conv", [builder.input("x", float32([N, 3, 6, 6])), weights([6, 3, 3, 3])], same, { pads: ints(1, 1, 1, 1) }))], same);
  const inner = norm(layer("Conv", [layer("Softplus", [norm(layer("Conv", [first, weights([6, 6, 3, 3])], same, { pads: ints(1, 1, 1, 1) }))], same), weights([6, 6, 1, 1])], same));
  const pooled = layer("GlobalAveragePool", [layer("Tanh", [layer("Add", [inner, first], same)], same)], [N, 6, 1, 1]);
  builder.output(layer("LogSoftmax", [layer("Gemm", [layer("Flatten", [pooled], [N, 6]), weights([6, 4]), weights([4])], [N, 4])], [N, 4]), "y");
  return builder.toModel();
}

function depthwise(): OnnxModel {
  const { builder, weights, layer, norm } = network();
  const first = layer("Sigmoid", [norm(layer("Conv", [builder.input("x", float32([N, 3, 9, 9])), weights([8, 3, 3, 3])], [N, 8, 5, 5], { strides: ints(2, 2), pads: ints(1, 1, 1, 1) }))], [N, 8, 5, 5]);
  const spread = layer("Tanh", [norm(layer("Conv", [first, weights([8, 1, 3, 3])], [N, 8, 5, 5], { group: { int: 8 }, pads: ints(1, 1, 1, 1) }))], [N, 8, 5, 5]);
  const mixed = layer("Conv", [layer("Conv", [spread, weights([8, 1, 3, 3])], [N, 8, 3, 3], { group: { int: 8 }, strides: ints(2, 2), pads: ints(1, 1, 1, 1) }), weights([4, 8, 1, 1]), weights([4])], [N, 4, 3, 3]);
  builder.output(layer("ReduceMean", [mixed, builder.int64s([2, 3])], [N, 4], { keepdims: { int: 0 } }), "y");
  return builder.toModel();
}

/** Two recurrent layers, the second on what the first says after each step. */
function recurrent(opType: "LSTM" | "GRU", attributes: Attributes, { directions = 1, batchFirst = false } = {}): OnnxModel {
  const { builder, weights, layer } = network();
  const [steps, units, gates] = [4, 3, opType === "LSTM" ? 4 : 3];
  const shape = (first: number, last: number): number[] => (batchFirst ? [N, first, last] : [first, N, last]);
  const run = (x: string, features: number, begins: boolean): string => {
    const states = begins ? ["", weights(batchFirst ? [N, directions, units] : [directions, N, units]), ...(opType === "LSTM" ? [weights(batchFirst ? [N, directions, units] : [directions, N, units])] : [])] : [];
    const inputs = [x, weights([directions, gates * units, features]), weights([directions, gates * units, units]), weights([directions, 2 * gates * units]), ...states];
    const all = batchFirst ? [N, steps, directions, units] : [steps, directions, N, units];
    const [every = "", last = ""] = builder.emitAll(opType, inputs, [float32(all), float32(batchFirst ? [N, directions, units] : [directions, N, units])], { hidden_size: { int: units }, ...attributes });
    const joined = layer("Reshape", [batchFirst ? every : layer("Transpose", [every], [steps, N, directions, units], { perm: ints(0, 2, 1, 3) }), builder.int64s(shape(steps, directions * units))], shape(steps, directions * units));
    return begins ? joined : layer("Mul", [layer("ReduceMean", [joined, builder.int64s([batchFirst ? 1 : 0])], [N, directions * units], { keepdims: { int: 0 } }), layer("Reshape", [last, builder.int64s([N, directions * units])], [N, directions * units])], [N, directions * units]);
  };
  builder.output(run(run(builder.input("x", float32(shape(steps, 2))), 2, true), directions * units, false), "y");
  return builder.toModel();
}

function transformer(): OnnxModel {
  const { builder, weights, layer } = network();
  const [tokens, width, heads] = [5, 8, 2];
  const all = [N, tokens, width];
  const embedded = layer("Gather", [weights([11, width]), builder.input("x", { elementType: "int64", dims: [N, tokens] })], all);
  const dense = (x: string, from: number, to: number): string => layer("Add", [layer("MatMul", [x, weights([from, to])], [N, tokens, to]), weights([to])], [N, tokens, to]);
  const normed = (x: string): string => layer("LayerNormalization", [x, weights([width], 0.3, 1), weights([width])], all);
  const split = (x: string, perm: readonly number[], dims: readonly number[]): string => layer("Transpose", [layer("Reshape", [x, builder.int64s([N, tokens, heads, width / heads])], [N, tokens, heads, width / heads])], dims, { perm: { ints: perm } });
  const input = normed(embedded);
  const [query, value] = [dense(input, width, width), dense(input, width, width)].map((x) => split(x, [0, 2, 1, 3], [N, heads, tokens, width / heads]));
  const key = split(dense(input, width, width), [0, 2, 3, 1], [N, heads, width / heads, tokens]);
  const scores = layer("Softmax", [layer("Div", [layer("MatMul", [query ?? "", key], [N, heads, tokens, tokens]), builder.scalar(2)], [N, heads, tokens, tokens])], [N, heads, tokens, tokens]);
  const heard = layer("Transpose", [layer("MatMul", [scores, value ?? ""], [N, heads, tokens, width / heads])], [N, tokens, heads, width / heads], { perm: ints(0, 2, 1, 3) });
  const attended = layer("Add", [embedded, dense(layer("Reshape", [heard, builder.int64s(all)], all), width, width)], all);
  const thought = layer("Add", [attended, dense(layer("Gelu", [dense(normed(attended), width, 12)], [N, tokens, 12]), 12, width)], all);
  builder.output(layer("ReduceMean", [normed(thought), builder.int64s([1])], [N, width], { keepdims: { int: 0 } }), "y");
  return builder.toModel();
}

const text = (value: string) => ({ string: value });
const NETWORKS: readonly [string, () => OnnxModel, string | null][] = [
  ["convolutional", convolutional, null],
  ["residual with BatchNormalization", residual, null],
  ["depthwise", depthwise, null],
  ["LSTM, two layers", () => recurrent("LSTM", {}), "LSTM"],
  ["LSTM in both directions", () => recurrent("LSTM", { direction: text("bidirectional") }, { directions: 2 }), "LSTM"],
  ["GRU, reset before the product", () => recurrent("GRU", {}), "GRU"],
  ["GRU backwards, reset behind the product", () => recurrent("GRU", { direction: text("reverse"), linear_before_reset: { int: 1 } }), "GRU"],
  ["transformer", transformer, null],
];

test.each(NETWORKS)("the gradients of a whole network equal central differences: %s", async (title, make, gone) => {
  const { byParameter, operators } = await networkErrors(make(), { batchSize: N });
  expect(byParameter.size).toBeGreaterThan(3);
  if (gone !== null) expect(operators).not.toContain(gone);
  const worst = [...byParameter].toSorted(([, a], [, b]) => b - a)[0];
  process.stdout.write(`largest error of the gradients, ${title}: ${worst?.[1].toExponential(1)} (${worst?.[0]}) of ${byParameter.size} tensors\n`);
  expect(worst?.[1]).toBeLessThan(1e-3);
});
