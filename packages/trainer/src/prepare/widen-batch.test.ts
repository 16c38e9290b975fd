import { openModel, seededRandom, type Tensor } from "@flotilla/runtime";
import { floats, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { emitForward } from "../autodiff/emit-forward.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { train } from "../loop/train.ts";
import { DEFAULT_RECIPE } from "../recipe.ts";
import { prepareModel } from "./prepare-model.ts";

const drawn = (count: number, seed: number): Float32Array => { const random = seededRandom(seed); return Float32Array.from({ length: count }, () => random() - 0.5); };
const weights = (builder: GraphBuilder, name: string, dims: readonly number[]): string => builder.initializer(floats(name, dims, drawn(dims.reduce((a, b) => a * b, 1), name.length)));

/** As converters write a network for one picture at a time: the shape of its rows is a constant. */
function ofPictures(batch: number): OnnxModel {
  const builder = new GraphBuilder("pictures");
  const type = float32([batch, 2, 2, 2]);
  const image = builder.emit("Relu", [builder.emit("Conv", [builder.input("x", float32([batch, 1, 4, 4])), weights(builder, "kernel", [2, 1, 3, 3])], type)], type);
  const rows = builder.emit("Reshape", [image, builder.int64s([batch, 8])], float32([batch, 8]));
  builder.output(builder.emit("MatMul", [rows, weights(builder, "dense", [8, 3])], float32([batch, 3])), "y");
  return builder.toModel();
}

/** Time before the batch, and a state to begin with for each series. */
function ofSeries(batch: number): OnnxModel {
  const builder = new GraphBuilder("series");
  const series = builder.emit("Transpose", [builder.input("x", float32([batch, 8, 2]))], float32([8, batch, 2]), { perm: { ints: [1, 0, 2] } });
  const one = drawn(4, 9);
  const start = ["h", "c"].map((name) => builder.initializer(floats(name, [1, batch, 4], Float32Array.from({ length: 4 * batch }, (_, i) => one[i % 4] ?? 0))));
  const layer = [series, weights(builder, "w", [1, 16, 2]), weights(builder, "rr", [1, 16, 4]), "", "", ...start];
  const [, last = ""] = builder.emitAll("LSTM", layer, [float32([8, 1, batch, 4]), float32([1, batch, 4])], { hidden_size: { int: 4 } });
  builder.output(builder.emit("MatMul", [builder.emit("Squeeze", [last, builder.int64s([0])], float32([batch, 4])), weights(builder, "dense", [4, 3])], float32([batch, 3])), "y");
  return builder.toModel();
}

async function answers(model: OnnxModel, batch: number, data: Float32Array, shape: readonly number[]): Promise<number[]> {
  const open = await openModel(writeOnnx(model));
  const found = await open.run({ x: { elementType: "float32", shape: [batch, ...shape], data } });
  await open.close();
  return [...((Object.values(found)[0] as Tensor).data as Float32Array)];
}

test.each([
  ["pictures, one in the file", ofPictures, 1, 5, [1, 4, 4]], ["pictures, two in the file", ofPictures, 2, 5, [1, 4, 4]], ["fewer pictures than the file has", ofPictures, 4, 2, [1, 4, 4]],
  ["series behind each other in time", ofSeries, 1, 3, [8, 2]], ["series, two in the file", ofSeries, 2, 6, [8, 2]],
] as const)("a file that fixes the batch answers as many examples as are asked as it answers them alone: %s", async (_, make, fixed, batchSize, shape) => {
  const prepared = await prepareModel(make(fixed), { batchSize, trainable: (name) => name === "dense" });
  expect(prepared.inputs[0]?.type.dims).toEqual([batchSize, ...shape]);
  const builder = new GraphBuilder("forward", prepared.types.keys());
  for (const { name, type } of prepared.inputs) builder.input(name, type);
  for (const { name, dims, values } of prepared.parameters) builder.initializer(floats(name, dims, values));
  emitForward(builder, prepared);
  builder.output(prepared.outputs[0] ?? "");
  const each = shape.reduce<number>((a, b) => a * b, 1);
  const data = drawn(batchSize * each, 5);
  const together = await answers(builder.toModel(), batchSize, data, shape);
  const alone = await Promise.all(Array.from({ length: batchSize }, (__, i) => answers(make(1), 1, data.slice(i * each, (i + 1) * each), shape)));
  expect(together.length).toBe(3 * batchSize);
  for (const [i, value] of alone.flat().entries()) expect(together[i]).toBeCloseTo(value, 5);
});

test.each<[string, string, (builder: GraphBuilder, x: string) => string]>([
  ["forgets the batch", "Reshape", (builder, x) => builder.emit("Reshape", [x, builder.int64s([8])], float32([8]))],
  ["counts on one example", "MatMul", (builder, x) => builder.emit("MatMul", [builder.emit("Reshape", [x, builder.int64s([8, -1])], float32([8, 1])), weights(builder, "w", [1, 2])], float32([8, 2]))],
  ["mixes examples", "ReduceMean", (builder, x) => builder.emit("Sub", [x, builder.emit("ReduceMean", [x, builder.int64s([0])], float32([1, 8]), { keepdims: { int: 1 } })], float32([1, 8]))],
])("a node that %s is named, and what can be done is said", async (_, opType, write) => {
  const builder = new GraphBuilder("stubborn");
  const doubled = builder.emit("Mul", [builder.input("x", float32([1, 8])), weights(builder, "scale", [8])], float32([1, 8]));
  builder.output(write(builder, doubled), "y");
  const model = builder.toModel();
  const name = model.graph.nodes.find((node) => node.opType === opType)?.outputs[0] ?? "";
  await expect(prepareModel(model, { batchSize: 4, trainable: () => true })).rejects.toMatchObject({ code: "operator_form_unsupported", node: name, reason: expect.stringContaining(`"${name}" (${opType}) keeps to it; export the model with an open first dimension`) });
  expect((await prepareModel(model, { batchSize: 1, trainable: () => true })).parameters.length).toBeGreaterThan(0);
});

test("a network for one picture at a time learns in batches, and stays one for one picture at a time", async () => {
  const source = { count: 64, read: (index: number) => Promise.resolve({ label: index % 3, feeds: { x: { elementType: "float32" as const, shape: [1, 1, 4, 4], data: drawn(16, index).map((value, pixel) => value + (Math.floor(pixel / 4) === index % 3 ? 2 : 0)) } } }) };
  const context = { threads: 1, signal: new AbortController().signal, onPoints: () => undefined, onCheckpoint: () => Promise.resolve() };
  const recipe = { ...DEFAULT_RECIPE, batchSize: 16, budget: { epochs: 12, minutes: null }, optimizer: { ...DEFAULT_RECIPE.optimizer, learningRate: 0.03 } };
  const { model, validation } = await train(ofPictures(1), { train: source, validation: source }, recipe, context);
  expect(validation?.accuracy).toBeGreaterThan(0.8);
  expect(model.graph.inputs[0]?.type).toMatchObject({ shape: [{ value: 1 }, { value: 1 }, { value: 4 }, { value: 4 }] });
});
