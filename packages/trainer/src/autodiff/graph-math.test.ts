import { openModel, seededRandom, type Tensors } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { GraphMath } from "./graph-math.ts";

const ORDER = [1, 0, 2];
const [TRANSPOSED, SHAPE] = [[3, 2, 4], [2, 3, 4]];

/** Values that are transposes, or, with `isPlain`, the same values of which that is not known; what is made of them. */
async function made(isPlain: boolean, write: (math: GraphMath, x: string, y: string) => string): Promise<{ operators: string[]; values: number[] }> {
  const builder = new GraphBuilder("layouts");
  const math = new GraphMath(builder);
  const [x = "", y = ""] = ["a", "b"].map((name) => builder.input(name, float32(TRANSPOSED))).map((input) =>
    (isPlain ? builder.emit("Transpose", [input], float32(SHAPE), { perm: { ints: ORDER } }) : math.transpose(input, ORDER)));
  builder.output(write(math, x, y), "made");
  const model = builder.toModel();
  const open = await openModel(writeOnnx(model), { graphOptimization: "disabled" });
  const random = seededRandom(1);
  const feeds: Tensors = Object.fromEntries(["a", "b"].map((name) => [name, { elementType: "float32" as const, shape: TRANSPOSED, data: Float32Array.from({ length: 24 }, () => 2 * random() - 1) }]));
  const found = await open.run(feeds);
  await open.close();
  return { operators: model.graph.nodes.map(({ opType }) => opType), values: Array.from(found["made"]?.data ?? [], Number) };
}

const perMiddle = (math: GraphMath): string => math.builder.floats([1, -2, 3], [1, 3, 1]);
const CASES: readonly [string, number, (math: GraphMath, x: string, y: string) => string][] = [
  ["element by element, then back", 0, (math, x, y) => math.transpose(math.unary("Relu", math.multiply(math.plus(x, 1), y)), ORDER)],
  ["with numbers along one axis", 0, (math, x) => math.transpose(math.multiply(x, perMiddle(math)), ORDER)],
  ["chosen by a comparison", 0, (math, x, y) => math.transpose(math.masked(x, math.compare("Greater", x, y)), ORDER)],
  ["summed to one axis", 0, (math, x) => math.sum(x, [0, 2])],
  ["summed to axes that change their order", 1, (math, x) => math.sum(x, [2])],
  ["asked for as it lies", 1, (math, x, y) => math.add(x, y)],
  ["with numbers along two axes", 2, (math, x) => math.transpose(math.add(x, math.builder.floats([1, 2, 3, 4, 5, 6], [2, 3, 1])), ORDER)],
];

test.each(CASES)("values keep their layout until another one is asked for: %s", async (_, transposes, write) => {
  const [found, plain] = [await made(false, write), await made(true, write)];
  expect(found.operators.filter((opType) => opType === "Transpose")).toHaveLength(transposes);
  expect(found.values.length).toBeGreaterThan(0);
  for (const [i, value] of plain.values.entries()) expect(found.values[i]).toBeCloseTo(value, 5);
});

test("a gradient lies as its value does", async () => {
  const { operators } = await made(false, (math, x, y) => {
    const gradient = math.builder.emit("Reshape", [math.builder.floats(Array.from({ length: 24 }, (_, i) => i), [24]), math.builder.int64s(SHAPE)], float32(SHAPE));
    math.layOutAs(gradient, x);
    return math.transpose(math.multiply(math.multiply(gradient, x), y), ORDER);
  });
  expect(operators.filter((opType) => opType === "Transpose")).toHaveLength(1);
});
