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
  expect(model.graph.nodes.map(({ opType }) => opType)).toEqual(["Mul", "Add"]);
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

test("names that come later are not made up before", () => {
  const builder = new GraphBuilder("names", ["const_0", "Mul_1"]);
  const doubled = builder.emit("Mul", [builder.input("x", float32([1])), builder.scalar(2)], float32([1]));
  expect(["const_0", "Mul_1"]).not.toContain(doubled);
  expect(builder.input("const_0", float32([1]))).toBe("const_0");
});

test("a pool answers the places of its largest values only where something reads them", () => {
  const write = (isRead: boolean) => {
    const builder = new GraphBuilder("pool");
    const x = builder.input("x", float32([1, 1, 4, 4]));
    const [y = "", places = ""] = builder.emitAll("MaxPool", [x], [float32([1, 1, 2, 2]), { elementType: "int64", dims: [1, 1, 2, 2] }], { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } });
    builder.output(y, "y");
    if (isRead) builder.output(places, "places");
    return builder.toModel().graph.nodes.find(({ opType }) => opType === "MaxPool")?.outputs.length;
  };
  expect([write(false), write(true)]).toEqual([1, 2]);
});

test("an output under another name costs no copy, unless what it copies is an output or an input itself", () => {
  const builder = new GraphBuilder("outputs");
  const x = builder.input("x", float32([1]));
  const doubled = builder.emit("Mul", [x, builder.scalar(2)], float32([1]));
  const read = builder.emit("Neg", [doubled], float32([1]));
  builder.output(doubled, "doubled");
  builder.output(read, "read");
  builder.output("read", "read again");
  builder.output(x, "x again");
  const { nodes } = builder.toModel().graph;
  expect(nodes.map(({ opType, inputs: [from], outputs: [to] }) => [opType, from, to])).toEqual([["Mul", "x", "doubled"], ["Neg", "doubled", "read"], ["Identity", "read", "read again"], ["Identity", "x", "x again"]]);
});
