import { demoConvNet } from "@flotilla/runtime";
import { floats, int64s, rawTensor, readOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { prepareModel } from "./prepare-model.ts";

test("a model gets one batch size, static types, and its learnt tensors", async () => {
  const prepared = await prepareModel(readOnnx(demoConvNet({ seed: 1 })), { batchSize: 4, trainable: () => true });
  expect(prepared.inputs[0]?.type.dims[0]).toBe(4);
  expect(prepared.parameters.length).toBeGreaterThan(0);
  expect(prepared.types.get(prepared.outputs[0] ?? "")?.dims[0]).toBe(4);
  for (const node of prepared.nodes) for (const name of node.outputs) if (name !== "") expect(prepared.types.has(name), name).toBe(true);
});

test("shape arithmetic is done, what is learnt is not folded away", async () => {
  const builder = new GraphBuilder("flatten by hand");
  const x = builder.input("x", float32([2, 3, 4]));
  builder.initializer(floats("w", [2], [1, 2]));
  const shape = builder.emit("Shape", [x], { elementType: "int64", dims: [3] });
  const first = builder.emit("Gather", [shape, builder.initializer(int64s("zero", [1], [0]))], { elementType: "int64", dims: [1] });
  const wanted = builder.emit("Concat", [first, builder.initializer(int64s("rest", [1], [-1]))], { elementType: "int64", dims: [2] }, { axis: { int: 0 } });
  const flat = builder.emit("Reshape", [x, wanted], float32([2, 12]));
  const doubled = builder.emit("Mul", ["w", builder.scalar(2)], float32([2]));
  builder.output(builder.emit("Mul", [flat, builder.emit("Unsqueeze", [doubled, builder.int64s([1])], float32([2, 1]))], float32([2, 12])), "y");
  const prepared = await prepareModel(builder.toModel(), { batchSize: 2, trainable: (name) => name === "w" });
  expect(prepared.nodes.map(({ opType }) => opType)).toEqual(expect.arrayContaining(["Reshape", "Mul", "Unsqueeze"]));
  expect(prepared.nodes.map(({ opType }) => opType)).not.toContain("Shape");
  expect(prepared.parameters.map(({ name }) => name)).toEqual(["w"]);
  expect(prepared.constants.has("w")).toBe(false);
});

test("an open dimension that nobody named is asked for by name", async () => {
  const builder = new GraphBuilder("open");
  builder.output(builder.emit("Relu", [builder.input("x", float32([1, 4]))], float32([1, 4])), "y");
  const model: OnnxModel = builder.toModel();
  const type = model.graph.inputs[0]?.type;
  if (type?.kind === "tensor" && type.shape !== null) type.shape[1] = { kind: "param", param: "length", denotation: "" };
  await expect(prepareModel(model, { batchSize: 2, trainable: () => true })).rejects.toMatchObject({ code: "shape_unknown", reason: expect.stringContaining('the input "x"') });
});

test("half precision is learnt in single precision, and a frozen recurrent layer stays as it is", async () => {
  const builder = new GraphBuilder("half");
  const half = { elementType: "float16", dims: [2, 2] };
  builder.initializer(rawTensor("w", "float16", [2, 2], new Uint8Array(Uint16Array.of(0x3c00, 0x4000, 0xb800, 0).buffer)));
  const recurrent = [[1, 8, 2], [1, 8, 2]].map((dims) => builder.floats(Array.from({ length: 16 }, (_, i) => i / 16), dims));
  const product = builder.emit("MatMul", [builder.input("x", half), "w"], half);
  const series = builder.emit("Reshape", [builder.emit("Cast", [product], float32([2, 2]), { to: { int: 1 } }), builder.int64s([1, 2, 2])], float32([1, 2, 2]));
  builder.output(builder.emitAll("LSTM", [series, ...recurrent], [float32([1, 1, 2, 2])], { hidden_size: { int: 2 } })[0] ?? "", "y");
  const learnt = await prepareModel(builder.toModel(), { batchSize: 2, trainable: (name) => name === "w" });
  expect(learnt.parameters.map(({ name, values }) => [name, [...values]])).toEqual([["w", [1, 2, -0.5, 0]]]);
  expect(learnt.inputs[0]?.type.elementType).toBe("float32");
  expect(learnt.nodes.map(({ opType }) => opType)).not.toContain("LSTM");
  const frozen = await prepareModel(builder.toModel(), { batchSize: 2, trainable: () => false });
  expect(frozen.nodes.map(({ opType }) => opType)).toContain("LSTM");
});
