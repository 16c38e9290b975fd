import { openModel, seededRandom, type Tensor, type Tensors } from "@flotilla/runtime";
import { int32s, int8s, writeOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { prepareModel } from "../prepare/prepare-model.ts";
import { AutodiffRefusal } from "./autodiff-refusal.ts";
import { differentiate } from "./differentiate.ts";
import { emitForward } from "./emit-forward.ts";

const noise = (count: number, seed: number, scale = 1): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => scale * (2 * random() - 1));
};

test("BatchNormalization on the batch's statistics: gradients, and running statistics moved as PyTorch moves them", async () => {
  const [n, c, l] = [4, 2, 3];
  const weights = { scale: [1.5, 0.5], bias: [0.1, -0.2], mean: [0.3, -0.3], variance: [1.2, 0.8] };
  const model = () => {
    const fresh = new GraphBuilder("norm");
    fresh.input("x", float32([n, c, l]));
    const names = Object.entries(weights).map(([name, values]) => { const made = fresh.floats(values); return [name, made] as const; });
    fresh.output(fresh.emit("BatchNormalization", ["x", ...names.map(([, made]) => made)], float32([n, c, l]), { momentum: { float: 0.9 } }), "y");
    return { model: fresh.toModel(), names: new Map(names) };
  };
  const made = model();
  const nameOf = (key: string): string => made.names.get(key) ?? "";
  const prepared = await prepareModel(made.model, { batchSize: n, norm: "train", trainable: (name) => name === nameOf("scale") || name === nameOf("bias") });
  const step = new GraphBuilder("step");
  for (const { name, type } of prepared.inputs) step.input(name, type);
  for (const { name, dims } of [...prepared.parameters, ...prepared.buffers]) step.input(name, float32(dims));
  const forward = emitForward(step, prepared);
  const [y = ""] = prepared.outputs;
  const r = step.input("r", float32([n, c, l]));
  const gradients = differentiate(forward, new Map([[y, r]]), ["x", nameOf("scale"), nameOf("bias")]);
  step.output(forward.math.sum(forward.math.multiply(y, r), [0, 1, 2]), "loss");
  for (const [name, value] of gradients) step.output(value, `d ${name}`);
  for (const { buffer, value } of forward.bufferUpdates) step.output(value, `new ${buffer}`);
  const open = await openModel(writeOnnx(step.toModel()), { graphOptimization: "disabled" });
  const x = noise(n * c * l, 3);
  const feeds = (values: readonly number[]): Tensors => Object.fromEntries([["x", [n, c, l], values], ["r", [n, c, l], noise(n * c * l, 5)], ...[...made.names].map(([key, name]) => [name, [c], weights[key as keyof typeof weights]])]
    .map(([name, shape, data]) => [name as string, { elementType: "float32" as const, shape: shape as number[], data: Float32Array.from(data as number[]) }]));
  const found = await open.run(feeds(x));
  const numbers = (name: string): number[] => [...((found[name] as Tensor).data as Float32Array)];
  const eps = 1e-2;
  for (const at of [0, 5, 11, 17]) {
    const moved = async (by: number): Promise<number> => Number((await open.run(feeds(x.map((value, i) => (i === at ? value + by : value)))))["loss"]?.data[0]);
    expect(numbers("d x")[at]).toBeCloseTo(((await moved(eps)) - (await moved(-eps))) / (2 * eps), 2);
  }
  const ofChannel = (channel: number): number[] => x.filter((_, i) => Math.floor(i / l) % c === channel);
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  for (const channel of [0, 1]) {
    const values = ofChannel(channel);
    const unbiased = values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1);
    expect(numbers(`new ${nameOf("mean")}`)[channel]).toBeCloseTo(0.9 * (weights.mean[channel] ?? 0) + 0.1 * mean(values), 5);
    expect(numbers(`new ${nameOf("variance")}`)[channel]).toBeCloseTo(0.9 * (weights.variance[channel] ?? 0) + 0.1 * unbiased, 5);
  }
  await open.close();
});

test("a value that is used twice gets the sum of both gradients, and one that nothing depends on gets none", async () => {
  const builder = new GraphBuilder("twice");
  builder.input("x", float32([3]));
  builder.input("idle", float32([3]));
  builder.output(builder.emit("Add", [builder.emit("Mul", ["x", "x"], float32([3])), "x"], float32([3])), "y");
  const prepared = await prepareModel(builder.toModel(), { batchSize: 3, trainable: () => false });
  const step = new GraphBuilder("step");
  for (const { name, type } of prepared.inputs) step.input(name, type);
  const forward = emitForward(step, prepared);
  const gradients = differentiate(forward, new Map([[prepared.outputs[0] ?? "", step.floats([1, 1, 1])]]), ["x", "idle"]);
  expect([...gradients.keys()]).toEqual(["x"]);
  step.output(gradients.get("x") ?? "", "d");
  const open = await openModel(writeOnnx(step.toModel()));
  const found = await open.run({ x: { elementType: "float32", shape: [3], data: Float32Array.of(1, 2, -3) }, idle: { elementType: "float32", shape: [3], data: new Float32Array(3) } });
  expect([...(found["d"] as Tensor).data]).toEqual([3, 5, -5]);
  await open.close();
});

test("what is cut off at zero has no gradient, even where the slope behind it is infinite", async () => {
  const builder = new GraphBuilder("root");
  builder.input("x", float32([3]));
  builder.output(builder.emit("Sqrt", [builder.emit("Identity", [builder.emit("Relu", ["x"], float32([3]))], float32([3]))], float32([3])), "y");
  const prepared = await prepareModel(builder.toModel(), { batchSize: 3, trainable: () => false });
  const step = new GraphBuilder("step", prepared.types.keys());
  for (const { name, type } of prepared.inputs) step.input(name, type);
  const gradients = differentiate(emitForward(step, prepared), new Map([[prepared.outputs[0] ?? "", step.floats([1, 1, 1])]]), ["x"]);
  step.output(gradients.get("x") ?? "", "d");
  const open = await openModel(writeOnnx(step.toModel()));
  const found = await open.run({ x: { elementType: "float32", shape: [3], data: Float32Array.of(-1, 0, 4) } });
  await open.close();
  expect([...(found["d"] as Tensor).data]).toEqual([0, 0, 0.25]);
});

test("an operator without a gradient is named, with what can be trained behind it", async () => {
  const builder = new GraphBuilder("sorted");
  builder.input("x", float32([2, 4]));
  const [largest = ""] = builder.emitAll("TopK", ["x", builder.int64s([2])], [float32([2, 2]), { elementType: "int64", dims: [2, 2] }]);
  builder.output(builder.emit("Tanh", [builder.emit("Relu", [largest], float32([2, 2]))], float32([2, 2])), "y");
  const prepared = await prepareModel(builder.toModel(), { batchSize: 2, trainable: () => false });
  const step = new GraphBuilder("step");
  for (const { name, type } of prepared.inputs) step.input(name, type);
  const forward = emitForward(step, prepared);
  const attempt = () => differentiate(forward, new Map([[prepared.outputs[0] ?? "", step.floats([1, 1, 1, 1], [2, 2])]]), ["x"]);
  expect(attempt).toThrow(AutodiffRefusal);
  expect(attempt).toThrow(/TopK.*freeze everything up to it, and the 2 nodes behind it can be trained/);
});

test("what was quantised passes the gradient inside the range and none beyond it", async () => {
  const builder = new GraphBuilder("fake quantised");
  builder.input("x", float32([4]));
  const scale = builder.scalar(0.1);
  const zero = builder.initializer(int8s("zero", [], [0]));
  const levels = builder.emit("QuantizeLinear", ["x", scale, zero], { elementType: "int8", dims: [4] });
  builder.output(builder.emit("DequantizeLinear", [levels, scale, zero], float32([4])), "y");
  const prepared = await prepareModel(builder.toModel(), { batchSize: 4, trainable: () => false });
  const step = new GraphBuilder("step", prepared.types.keys());
  for (const { name, type } of prepared.inputs) step.input(name, type);
  const gradients = differentiate(emitForward(step, prepared), new Map([[prepared.outputs[0] ?? "", step.floats([1, 2, 3, 4])]]), ["x"]);
  step.output(gradients.get("x") ?? "", "d");
  const open = await openModel(writeOnnx(step.toModel()));
  const found = await open.run({ x: { elementType: "float32", shape: [4], data: Float32Array.of(-20, -12.7, 0.04, 12.9) } });
  await open.close();
  expect([...(found["d"] as Tensor).data]).toEqual([0, 2, 3, 0]);
});

test("a recurrent layer of a form that cannot be learnt says which part of it that is", async () => {
  const builder = new GraphBuilder("lengths");
  const [x, lengths] = [builder.input("x", float32([2, 1, 3])), builder.initializer(int32s("lengths", [1], [2]))];
  const weights = [[1, 8, 3], [1, 8, 2], [1, 16]].map((dims) => builder.floats(noise(dims.reduce((a, b) => a * b, 1), 1), dims));
  const [every = ""] = builder.emitAll("LSTM", [x, ...weights, lengths], [float32([2, 1, 1, 2])], { hidden_size: { int: 2 } });
  builder.output(every, "y");
  const prepared = await prepareModel(builder.toModel(), { batchSize: 1, trainable: () => true });
  const step = new GraphBuilder("step", prepared.types.keys());
  for (const { name, type } of prepared.inputs) step.input(name, type);
  for (const { name, dims } of prepared.parameters) step.input(name, float32(dims));
  const forward = emitForward(step, prepared);
  const seed = step.floats([1, 1, 1, 1], [2, 1, 1, 2]);
  expect(() => differentiate(forward, new Map([[prepared.outputs[0] ?? "", seed]]), prepared.parameters.map(({ name }) => name))).toThrow(/LSTM.*lengths of its own for each series.*freeze it/);
});
