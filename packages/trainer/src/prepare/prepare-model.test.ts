import { demoConvNet } from "@flotilla/runtime";
import { floats, int64s, readOnnx, type OnnxModel } from "@flotilla/runtime/ir";
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
