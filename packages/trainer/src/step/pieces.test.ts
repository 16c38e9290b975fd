import { openModel, seededRandom, type Tensor, type Tensors } from "@flotilla/runtime";
import { writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { prepareModel } from "../prepare/prepare-model.ts";
import { DEFAULT_RECIPE, type TrainingRecipe } from "../recipe.ts";
import { buildTrainingStep } from "./training-step.ts";
import { examplesAtATime } from "./pieces.ts";

const SIDE = 64;
type Mixing = "nothing" | "a sum over the batch" | "its largest number";

/** With 16 filters the convolution's output has 256 KiB for each example: twelve of them are the largest piece. */
function network(filters: number, mixing: Mixing, batch = 1): OnnxModel {
  const builder = new GraphBuilder("large values");
  const random = seededRandom(2);
  const weights = (dims: readonly number[]): string => builder.floats(Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() - 0.5), dims);
  const large = float32([batch, filters, SIDE, SIDE]);
  let x = builder.emit("Tanh", [builder.emit("Conv", [builder.input("x", float32([batch, 1, SIDE, SIDE])), weights([filters, 1, 3, 3]), weights([filters])], large, { pads: { ints: [1, 1, 1, 1] } })], large);
  if (mixing === "a sum over the batch") x = builder.emit("Sub", [x, builder.emit("ReduceMean", [x, builder.int64s([0])], float32([1, filters, SIDE, SIDE]))], large);
  if (mixing === "its largest number") x = builder.emit("Div", [x, builder.emit("ReduceMax", [x], float32([1, 1, 1, 1]))], large);
  const flat = builder.emit("Flatten", [builder.emit("GlobalAveragePool", [x], float32([batch, filters, 1, 1]))], float32([batch, filters]));
  builder.output(builder.emit("Gemm", [flat, weights([filters, 3]), weights([3])], float32([batch, 3])), "y");
  const model = builder.toModel();
  for (const { type } of [...model.graph.inputs, ...model.graph.outputs]) if (type?.kind === "tensor" && type.shape !== null) type.shape[0] = { kind: "param", param: "batch", denotation: "" };
  return model;
}

const piecesOf = async (model: OnnxModel, batchSize: number): Promise<number> => examplesAtATime(await prepareModel(model, { batchSize, trainable: () => true, norm: "train" }), batchSize);

test("a batch whose values are large is computed in pieces that divide it, and one whose examples depend on each other at once", async () => {
  expect(await piecesOf(network(16, "nothing"), 24)).toBe(12);
  expect(await piecesOf(network(16, "nothing"), 12)).toBe(12);
  expect(await piecesOf(network(16, "nothing"), 26)).toBe(26);
  expect(await piecesOf(network(16, "a sum over the batch"), 24)).toBe(24);
  expect(await piecesOf(network(16, "its largest number"), 24)).toBe(24);
});

test("in pieces, loss, right answers and gradient are those of the batch as a whole", async () => {
  const batch = 24;
  const recipe: TrainingRecipe = { ...DEFAULT_RECIPE, batchSize: batch, accumulation: 2 };
  const [large, parts] = [network(16, "nothing"), 2];
  const random = seededRandom(8);
  const drawn = (dims: readonly number[]) => ({ elementType: "float32" as const, shape: dims, data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random()) });
  const x = drawn([batch, 1, SIDE, SIDE]);
  const targets = { elementType: "float32" as const, shape: [batch, 3], data: Float32Array.from({ length: 3 * batch }, (_, i) => (i % 3 === Math.floor(i / 3) % 3 ? 1 : 0)) };
  const weights = drawn([batch, 1]);
  const run = async (from: number, count: number) => {
    const step = await buildTrainingStep(large, { batchSize: count, recipe: { ...recipe, batchSize: count }, trainable: () => true });
    const vector = Float32Array.from(step.parameters.flatMap(({ values }) => [...values]));
    const of = ({ shape: [, ...rest], data }: typeof x) => { const each = data.length / batch; return { elementType: "float32" as const, shape: [count, ...rest], data: data.slice(from * each, (from + count) * each) }; };
    const open = await openModel(writeOnnx(step.model));
    const feeds: Tensors = { x: of(x), targets: of(targets), "example weights": of(weights), parameters: { elementType: "float32", shape: [vector.length], data: vector }, "accumulated gradient": { elementType: "float32", shape: [vector.length], data: new Float32Array(vector.length) } };
    const found = await open.run(feeds);
    await open.close();
    return { found, splits: step.model.graph.nodes.filter(({ opType, inputs }) => opType === "Split" && inputs[0] === "x").length };
  };
  const whole = await run(0, batch);
  expect(whole.splits).toBe(1);
  const halves = [await run(0, batch / parts), await run(batch / parts, batch / parts)];
  expect(halves.map(({ splits }) => splits)).toEqual([0, 0]);
  const sum = (name: string, at: number): number => halves.reduce((all, { found }) => all + Number(found[name]?.data[at]), 0);
  expect(Number(whole.found["loss"]?.data[0])).toBeCloseTo(sum("loss", 0) / parts, 5);
  expect(Number(whole.found["right answers"]?.data[0])).toBe(sum("right answers", 0));
  for (const [at, value] of [...(whole.found["gradient"] as Tensor).data].entries()) expect(Number(value)).toBeCloseTo(sum("gradient", at) / parts, 5);
});
