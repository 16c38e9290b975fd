import { openModel, seededRandom, type Tensor, type Tensors } from "@flotilla/runtime";
import { int8s, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { differentiate } from "../autodiff/differentiate.ts";
import { emitForward } from "../autodiff/emit-forward.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { prepareModel } from "../prepare/prepare-model.ts";

/** `next`: the same once more behind it. `isFirst`: nobody asks for the gradient of its input. */
type Case = { readonly isFirst?: boolean; readonly image: readonly [channels: number, height: number, width: number]; readonly next?: Layer } & Layer;
type Layer = { readonly filters: number; readonly kernel: readonly [number, number]; readonly out: readonly [number, number]; readonly strides?: readonly number[]; readonly pads?: readonly number[]; readonly dilations?: readonly number[]; readonly hasRelu?: boolean; readonly hasBias?: boolean; readonly isRounded?: boolean };

const CASES: readonly [string, Case][] = [
  ["one channel, an even side", { image: [1, 10, 10], filters: 3, kernel: [3, 3], out: [8, 8] }],
  ["a side whose last row the pool drops", { image: [1, 9, 7], filters: 2, kernel: [3, 3], out: [7, 5] }],
  ["channels enough to be gathered", { image: [8, 7, 9], filters: 4, kernel: [3, 3], out: [5, 7] }],
  ["padding, with a dropped row", { image: [2, 5, 6], filters: 3, kernel: [3, 3], out: [5, 6], pads: [1, 1, 1, 1] }],
  ["padding on one side only, gathered", { image: [9, 6, 6], filters: 2, kernel: [2, 3], out: [6, 6], pads: [1, 2, 0, 0] }],
  ["strides and dilations", { image: [2, 13, 12], filters: 2, kernel: [3, 2], out: [5, 5], strides: [2, 2], dilations: [2, 3] }],
  ["no Relu", { image: [1, 8, 8], filters: 2, kernel: [3, 3], out: [6, 6], hasRelu: false }],
  ["a weight that is rounded first", { image: [2, 9, 8], filters: 3, kernel: [3, 3], out: [7, 6], isRounded: true }],
  ["the first of a network, with many filters", { image: [1, 9, 8], filters: 16, kernel: [3, 3], out: [7, 6], isFirst: true }],
  ["another behind it, which reads all of it", { image: [1, 14, 14], filters: 3, kernel: [3, 3], out: [12, 12], next: { filters: 2, kernel: [3, 3], out: [4, 4] } }],
  ["another behind it, which drops its last row and column", { image: [1, 16, 12], filters: 3, kernel: [3, 3], out: [14, 10], next: { filters: 2, kernel: [3, 3], out: [5, 3] } }],
  ["another behind it that is padded", { image: [2, 12, 14], filters: 9, kernel: [3, 3], out: [10, 12], next: { filters: 2, kernel: [3, 3], out: [5, 6], pads: [1, 1, 1, 1] } }],
  ["another behind it with wide steps", { image: [1, 24, 24], filters: 3, kernel: [3, 3], out: [22, 22], next: { filters: 2, kernel: [2, 2], out: [4, 4], strides: [2, 2], dilations: [3, 2] } }],
  ["no bias", { image: [1, 8, 8], filters: 2, kernel: [3, 3], out: [6, 6], hasBias: false }],
];
const N = 2;

/** With the convolution's output as a second output of the model it must be computed as it is: nothing is written together. */
function network({ image, next, ...first }: Case, isWatched: boolean): { model: OnnxModel; learnt: readonly string[] } {
  const builder = new GraphBuilder("pooled");
  const random = seededRandom(5);
  const learnt: string[] = [];
  const numbers = (dims: readonly number[]): string => {
    const name = builder.floats(Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() - 0.5), dims);
    learnt.push(name);
    return name;
  };
  builder.input("x", float32([N, ...image]));
  let [x, channels] = [builder.emit("Mul", ["x", builder.scalar(2)], float32([N, ...image])), image[0]];
  for (const [at, layer] of [first, ...(next === undefined ? [] : [next])].entries()) {
    const { filters, kernel, out, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], hasRelu = true, hasBias = true, isRounded = false } = layer;
    const full = float32([N, filters, ...out]);
    const [weight, bias] = [numbers([filters, channels, ...kernel]), hasBias ? [numbers([filters])] : []];
    const conv = builder.emit("Conv", [x, isRounded ? rounded(builder, weight) : weight, ...bias], full, { strides: { ints: strides }, pads: { ints: pads }, dilations: { ints: dilations } });
    const before = hasRelu ? builder.emit("Relu", [conv], full) : conv;
    x = builder.emit("MaxPool", [before], float32([N, filters, ...out.map((side) => Math.floor(side / 2))]), { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } });
    if (isWatched) builder.output(conv, `watched ${at}`);
    channels = filters;
  }
  builder.output(x, "y");
  return { model: builder.toModel(), learnt };
}

function rounded(builder: GraphBuilder, weight: string): string {
  const { dims } = builder.typeOf(weight);
  const fixed = [builder.scalar(0.1), builder.initializer(int8s("zero", [], [0]))];
  return builder.emit("DequantizeLinear", [builder.emit("QuantizeLinear", [weight, ...fixed], { elementType: "int8", dims }), ...fixed], float32(dims));
}

async function gradients(some: Case, isWatched: boolean): Promise<{ found: Record<string, Tensor>; operators: string[] }> {
  const { model, learnt } = network(some, isWatched);
  const prepared = await prepareModel(model, { batchSize: N, trainable: (name) => learnt.includes(name) });
  const step = new GraphBuilder("step");
  for (const { name, type } of prepared.inputs) step.input(name, type);
  for (const { name, dims } of prepared.parameters) step.input(name, float32(dims));
  const forward = emitForward(step, prepared);
  const y = prepared.outputs.at(-1) ?? "";
  const wanted = [...(some.isFirst === true ? [] : ["x"]), ...prepared.parameters.map(({ name }) => name)];
  const found = differentiate(forward, new Map([[y, step.input("seed", forward.math.builder.typeOf(y))]]), wanted);
  step.output(y, "answer");
  for (const [i, name] of wanted.entries()) step.output(found.get(name) ?? "", `gradient ${i}`);
  const written = step.toModel();
  const open = await openModel(writeOnnx(written));
  const random = seededRandom(9);
  // Whole numbers among them: windows with equal values are common in pictures.
  const made = (dims: readonly number[]): Tensor => ({ elementType: "float32", shape: dims, data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => Math.max(0, Math.round(6 * random() - 3))) });
  const feeds: Tensors = {
    x: made(step.dimsOf("x")), seed: { ...made(step.dimsOf("seed")), data: Float32Array.from({ length: step.elementsOf("seed") }, () => random() - 0.5) },
    ...Object.fromEntries(prepared.parameters.map(({ name, dims, values }) => [name, { elementType: "float32" as const, shape: dims, data: values }])),
  };
  const results = await open.run(feeds);
  await open.close();
  return { found: results, operators: written.graph.nodes.map(({ opType }) => opType) };
}

test.each(CASES)("written together, a convolution and its pool give the values and gradients that they give apart: %s", async (_, some) => {
  const [together, apart] = [await gradients(some, false), await gradients(some, true)];
  expect(together.operators).not.toContain("MaxPool");
  expect(apart.operators).toContain("MaxPool");
  for (const [name, { shape, data }] of Object.entries(apart.found)) {
    const other = together.found[name];
    expect(other?.shape).toEqual(shape);
    for (const [i, value] of [...(data as Float32Array)].entries()) expect(Number(other?.data[i])).toBeCloseTo(value, 4);
  }
});
