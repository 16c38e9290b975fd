import { openModel, type Tensor } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { GraphBuilder } from "./graph-builder.ts";
import { float32 } from "./static-type.ts";

test("what is written runs, constants once, and nothing that no output needs", async () => {
  const builder = new GraphBuilder("twice");
  const x = builder.input("x", float32([2]));
  const doubled = builder.emit("Mul", [x, builder.scalar(2)], float32([2]));
  builder.emit("Neg", [builder.floats([9, 9])], float32([2]));
  const sum = builder.emit("Add", [doubled, builder.scalar(2)], float32([2]));
  builder.output(sum, "y");
  const model = builder.toModel();
  expect(model.graph.nodes.map(({ opType }) => opType)).toEqual(["Mul", "Add", "Identity"]);
  expect(model.graph.initializers).toHaveLength(1);
  const open = await openModel(writeOnnx(model));
  const found = await open.run({ x: { elementType: "float32", shape: [2], data: Float32Array.of(1, 5) } });
  expect([...(found["y"] as Tensor).data]).toEqual([4, 12]);
  await open.close();
});

test("a name stands for one value, and asking for one that is not there says so", () => {
  const builder = new GraphBuilder("names");
  builder.input("x", float32([1]));
  expect(() => builder.input("x", float32([1]))).toThrow('two values "x"');
  expect(() => builder.typeOf("z")).toThrow('no value "z"');
});
