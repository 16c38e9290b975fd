import { openModel, seededRandom } from "@flotilla/runtime";
import { writeOnnx, type AttributeInput, type OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { emitForward } from "../autodiff/emit-forward.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { prepareModel } from "../prepare/prepare-model.ts";
import { networkErrors } from "../testing/network-check.ts";

type Case = { readonly image: readonly number[]; readonly kernel: readonly number[]; readonly out: readonly number[]; readonly attributes?: Readonly<Record<string, AttributeInput>>; readonly hasBias?: boolean };
const ints = (...values: readonly number[]) => ({ ints: values });
const CASES: readonly [string, Case][] = [
  ["padding all around", { image: [5, 6], kernel: [3, 3], out: [5, 6], attributes: { pads: ints(1, 1, 1, 1) } }],
  ["no padding, and no bias", { image: [6, 5], kernel: [3, 2], out: [4, 4], hasBias: false }],
  ["strides with padding at the end, as TensorFlow pads", { image: [8, 6], kernel: [3, 3], out: [4, 3], attributes: { strides: ints(2, 2), pads: ints(0, 0, 1, 1) } }],
  ["strides that leave a row and a column over", { image: [7, 9], kernel: [2, 3], out: [3, 3], attributes: { strides: ints(2, 3) } }],
  ["strides with padding in front", { image: [7, 8], kernel: [3, 3], out: [4, 4], attributes: { strides: ints(2, 2), pads: ints(1, 1, 1, 0) } }],
  ["dilations and strides of both kinds", { image: [9, 8], kernel: [3, 2], out: [2, 6], attributes: { strides: ints(3, 1), dilations: ints(2, 2) } }],
  ["rows of the kernel that meet padding alone", { image: [2, 4], kernel: [5, 3], out: [2, 4], attributes: { pads: ints(2, 1, 2, 1) } }],
];
const CHANNELS = 3;

/** A depthwise convolution between two of 1 × 1: the first lies as it came, the last is written channel by channel. */
function network(n: number, { image, kernel, out, attributes = {}, hasBias = true }: Case): OnnxModel {
  const builder = new GraphBuilder("depthwise");
  const random = seededRandom(3);
  const numbers = (dims: readonly number[]): string => builder.floats(Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() - 0.5), dims);
  const first = builder.emit("Conv", [builder.input("x", float32([n, 2, ...image])), numbers([CHANNELS, 2, 1, 1])], float32([n, CHANNELS, ...image]));
  const inputs = [first, numbers([CHANNELS, 1, ...kernel]), ...(hasBias ? [numbers([CHANNELS])] : [])];
  const through = builder.emit("Conv", inputs, float32([n, CHANNELS, ...out]), { ...attributes, group: { int: CHANNELS } });
  builder.output(builder.emit("Conv", [through, numbers([2, CHANNELS, 1, 1]), numbers([2])], float32([n, 2, ...out])), "y");
  return builder.toModel();
}

async function answers(model: OnnxModel, n: number, image: readonly number[], isLearnt: boolean): Promise<{ values: Float32Array; operators: string[] }> {
  const prepared = await prepareModel(model, { batchSize: n, trainable: () => isLearnt });
  const step = new GraphBuilder("step", prepared.types.keys());
  for (const { name, type } of prepared.inputs) step.input(name, type);
  for (const { name, dims, values } of prepared.parameters) step.rename(step.floats([...values], dims), name);
  emitForward(step, prepared);
  step.output(prepared.outputs[0] ?? "");
  const written = step.toModel();
  const open = await openModel(writeOnnx(written), { graphOptimization: "disabled" });
  const random = seededRandom(5);
  const shape = [n, 2, ...image];
  const found = await open.run({ x: { elementType: "float32", shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() - 0.5) } });
  await open.close();
  return { values: Float32Array.from(Object.values(found)[0]?.data ?? [], Number), operators: written.graph.nodes.map(({ opType }) => opType) };
}

// With few examples as a convolution with a group for each image, with more as a matrix for each channel.
test.each([2, 8].flatMap((n) => CASES.map(([name, some]) => [n, name, some] as const)))("of %d examples, a learnt depthwise convolution gives the values and gradients that it gives as it is: %s", async (n, _, some) => {
  const model = network(n, some);
  const [learnt, asItIs] = [await answers(model, n, some.image, true), await answers(model, n, some.image, false)];
  expect(learnt.operators.includes("MatMul")).toBe(n === 8);
  expect(learnt.values.length).toBe(asItIs.values.length);
  for (const [i, value] of asItIs.values.entries()) expect(learnt.values[i]).toBeCloseTo(value, 4);
  const { byParameter } = await networkErrors(model, { batchSize: n, step: 0.1 });
  expect(byParameter.size).toBe(some.hasBias === false ? 4 : 5);
  expect(Math.max(...byParameter.values())).toBeLessThan(1e-4);
});
