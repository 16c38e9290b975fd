import { describe, expect, test } from "vitest";
import { formulaInput, formulaWeight, placeSums } from "./testing/formulas.ts";
import { h5Model, kerasModel, type TestLayer, type TestModel } from "./testing/keras-files.ts";
import { LAYER_CASES, type LayerCase } from "./testing/layer-cases.ts";
import { runConverted } from "./testing/run-converted.ts";

const BATCH = 2;
/** Of the sum of all sizes: single precision over a few hundred additions. */
const TOLERANCE = 2e-6;

function modelOf({ inputShape, layers }: LayerCase): TestModel {
  let count = 0;
  const own = layers.map(([className, config = {}, weights = []], position): TestLayer => ({
    className, name: `layer${position}`, config,
    weights: weights.map((dims) => ("positive" in dims ? formulaWeight(count++, dims.positive, true) : formulaWeight(count++, dims))),
  }));
  return { layers: [{ className: "InputLayer", name: "input", config: { batch_shape: [null, ...inputShape], dtype: "float32" } }, ...own], kerasVersion: "3.15.1" };
}

describe.each([["h5", h5Model], ["keras", kerasModel]] as const)("a layer from a .%s file computes what TensorFlow computes", (format, write) => {
  test.each(LAYER_CASES.map((one) => [one.title, one] as const))("%s", async (_title, one) => {
    const values = formulaInput(BATCH * one.inputShape.reduce((product, size) => product * size, 1));
    const answers = await runConverted(await write(modelOf(one)), format, { input: { shape: [BATCH, ...one.inputShape], values } });
    expect([...answers.keys()]).toEqual([`layer${one.layers.length - 1}`]);
    const answer = [...answers.values()][0];
    expect(answer?.shape).toEqual(one.answer.shape);
    const { sums, size } = placeSums(answer?.values ?? new Float32Array(0));
    expect(Math.abs(sums[0] - one.answer.sums[0])).toBeLessThan(TOLERANCE * size);
    expect(Math.abs(sums[1] - one.answer.sums[1])).toBeLessThan(TOLERANCE * size);
  });
});

test("hard_sigmoid is that of the Keras which wrote the file: 0.2 x + 0.5 until version 2", async () => {
  const model = { layers: [{ className: "InputLayer", name: "input", config: { batch_input_shape: [null, 3] } }, { className: "Activation", name: "out", config: { activation: "hard_sigmoid" } }] };
  const input = { input: { shape: [1, 3], values: Float32Array.of(-1, 1, 2.6) } };
  const old = await runConverted(await h5Model({ ...model, kerasVersion: "2.4.0" }), "h5", input);
  const recent = await runConverted(await h5Model({ ...model, kerasVersion: "3.0.0" }), "h5", input);
  expect([...(old.get("out")?.values ?? [])].map((value) => value.toFixed(3))).toEqual(["0.300", "0.700", "1.000"]);
  expect([...(recent.get("out")?.values ?? [])].map((value) => value.toFixed(3))).toEqual(["0.333", "0.667", "0.933"]);
});
