import { openModel, seededRandom, type Tensor, type Tensors } from "@flotilla/runtime";
import { int8s, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { differentiate } from "../autodiff/differentiate.ts";
import { emitForward } from "../autodiff/emit-forward.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { prepareModel } from "../prepare/prepare-model.ts";

type Case = { readonly image: readonly [channels: number, height: number, width: number]; readonly filters: number; readonly kernel: readonly [number, number]; readonly out: readonly [number, number]; readonly strides?: readonly number[]; readonly pads?: readonly number[]; readonly dilations?: readonly number[]; readonly hasRelu?: boolean; readonly hasBias?: boolean; readonly isRounded?: boolean };

const CASES: readonly [string, Case][] = [
  ["one channel, an even side", { image: [1, 10, 10], filters: 3, kernel: [3, 3], out: [8, 8] }],
  ["a side whose last row the pool drops", { image: [1, 9, 7], filters: 2, kernel: [3, 3], out: [7, 5] }],
  ["channels enough to be gathered", { image: [8, 7, 9], filters: 4, kernel: [3, 3], out: [5, 7] }],
  ["padding, with a dropped row", { image: [2, 5, 6], filters: 3, kernel: [3, 3], out: [5, 6], pads: [1, 1, 1, 1] }],
  ["padding on one side only, gathered", { image: [9, 6, 6], filters: 2, kernel: [2, 3], out: [6, 6], pads: [1, 2, 0, 0] }],
  ["strides and dilations", { image: [2, 13, 12], filters: 2, kernel: [3, 2], out: [5, 5], strides: [2, 2], dilations: [2, 3] }],
  ["no Relu", { image: [1, 8, 8], filters: 2, kernel: [3, 3], out: [6, 6], hasRelu: false }],
  ["a weight that is rounded first", { image: [2, 9, 8], filters: 3, kernel: [3, 3], out: [7, 6], isRounded: true }],
  ["no bias", { image: [1, 8, 8], filters: 2, kernel: [3, 3], out: [6, 6], hasBias: false }],
];
const N = 2;

/** With the convolution's output as a second output of the model it must be computed as it is: nothing is written together. */
function network({ image, filters, kernel, out, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], hasRelu = true, hasBias = true, isRounded = false }: Case, isWatched: boolean): { model: OnnxModel; learnt: readonly string[] } {
  const builder = new GraphBuilder("pooled");
  const random = seededRandom(5);
  const numbers = (dims: readonly number[]): string => builder.floats(Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() - 0.5), dims);
  builder.input("x", float32([N, ...image]));
  const learnt = [numbers([filters, image[0], ...kernel]), ...(hasBias ? [numbers([filters])] : [])];
  const doubled = builder.emit("Mul", ["x", builder.scalar(2)], float32([N, ...image]));
  const full = float32([N, filters, ...out]);
  const [weight = "", ...bias] = learnt;
  const conv = builder.emit("Conv", [doubled, isRounded ? rounded(builder, weight) : weight, ...bias], full, { strides: { ints: strides }, pads: { ints: pads }, dilations: { ints: dilations } });
  const before = hasRelu ? builder.emit("Relu", [conv], full) : conv;
  builder.output(builder.emit("MaxPool", [before], float32([N, filters, ...out.map((side) => Math.floor(side / 2))]), { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } }), "y");
  if (isWatched) builder.output(conv, "watched");
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
  const [y = ""] = prepared.outputs;
  const wanted = ["x", ...prepared.parameters.map(({ name }) => name)];
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
