import { buildModel, floatTensor, seededRandom } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { cloneModel, floats, GraphIndex, readOnnx, tensorNumbers } from "@flotilla/runtime/ir";
import { describe, expect, test } from "vitest";
import { runOnce } from "../testing/optimized-graph.ts";
import { equaliseLayers } from "./equalise.ts";

const CHANNELS = 8;

/** Conv → Relu → Conv by channel → Relu → MaxPool → Conv, with channels of very different sizes in the first. */
function chain(activation: "Relu" | "Sigmoid" = "Relu"): OnnxModel {
  const random = seededRandom(5);
  const weights = (name: string, shape: number[], size: (channel: number) => number) => {
    const count = shape.reduce((all, dim) => all * dim, 1);
    const perChannel = count / (shape[0] ?? 1);
    return floatTensor(name, shape, Array.from({ length: count }, (_, at) => (random() - 0.5) * size(Math.floor(at / perChannel))));
  };
  const conv = (name: string, from: string, group = 1) => ({ name, opType: "Conv", inputs: [from, `${name}_w`, `${name}_b`], outputs: [name], attributes: { group: { int: group } } });
  const model = readOnnx(
    buildModel({
      graph: {
        inputs: [{ name: "x", elementType: "float32", shape: [1, 3, 12, 12] }],
        outputs: [{ name: "third", elementType: "float32" }],
        initializers: [
          weights("first_w", [CHANNELS, 3, 3, 3], (channel) => 10 ** (channel % 4)),
          weights("first_b", [CHANNELS], () => 1),
          weights("second_w", [CHANNELS, 1, 3, 3], () => 1),
          weights("second_b", [CHANNELS], () => 1),
          weights("third_w", [4, CHANNELS, 1, 1], () => 1),
          weights("third_b", [4], () => 1),
        ],
        nodes: [
          conv("first", "x"),
          { name: "act", opType: activation, inputs: ["first"], outputs: ["act"] },
          conv("second", "act", CHANNELS),
          { name: "act2", opType: "Relu", inputs: ["second"], outputs: ["act2"] },
          { name: "pool", opType: "MaxPool", inputs: ["act2"], outputs: ["pool"], attributes: { kernel_shape: { ints: [2, 2] } } },
          conv("third", "pool"),
        ],
      },
    }),
  );
  return model;
}

const feeds = { x: { elementType: "float32", shape: [1, 3, 12, 12], data: Float32Array.from({ length: 432 }, (_, at) => Math.sin(at)) } } as const;

/** Largest weight of the channel with the largest over that of the one with the smallest. */
function spread(model: OnnxModel, name: string): number {
  const tensor = new GraphIndex(model.graph).initializer(name);
  const values = tensor === null ? new Float64Array(0) : tensorNumbers(tensor);
  const size = values.length / CHANNELS;
  const largest = Array.from({ length: CHANNELS }, (_, channel) => Math.max(...values.subarray(channel * size, (channel + 1) * size).map(Math.abs)));
  return Math.max(...largest) / Math.min(...largest);
}

describe("equalisation", () => {
  test("changes no output, and brings the channels of each layer near each other, through filters by channel and pools", async () => {
    const model = chain();
    const equalised = cloneModel(model);
    expect(equaliseLayers.appliesTo(equalised, {})).toBeNull();
    const changes = await equaliseLayers.run(equalised, {});
    expect(changes.map(({ node }) => node)).toEqual(["first", "second"]);
    const [before, after] = [await runOnce(model, feeds), await runOnce(equalised, feeds)];
    const size = Math.max(...before.map(Math.abs));
    before.forEach((value, at) => expect(Math.abs(value - (after[at] ?? 0))).toBeLessThan(1e-5 * size));
    expect(spread(model, "first_w")).toBeGreaterThan(500);
    expect(spread(equalised, "first_w")).toBeLessThan(spread(model, "first_w") / 5);
  });

  test("stops at operators that do not let a factor pass, and at weights that others read", () => {
    const model = chain("Sigmoid");
    const tied = chain();
    tied.graph.nodes.push(...tied.graph.nodes.filter(({ name }) => name === "third").map((node) => ({ ...node, name: "fourth", outputs: ["fourth"] })));
    expect(equaliseLayers.run(model, {})).toEqual([{ node: "second", what: "is equalised with third" }]);
    expect(equaliseLayers.run(tied, {})).toEqual([{ node: "first", what: "is equalised with second" }]);
  });

  test("leaves a channel without weights as it is", async () => {
    const model = chain();
    const dead = model.graph.initializers.find(({ name }) => name === "first_w");
    const values = dead === undefined ? new Float64Array(0) : tensorNumbers(dead);
    values.fill(0, 0, 27);
    model.graph.initializers = model.graph.initializers.map((tensor) => (tensor.name === "first_w" ? floats("first_w", tensor.dims, Float32Array.from(values)) : tensor));
    const equalised = cloneModel(model);
    await equaliseLayers.run(equalised, {});
    expect((await runOnce(equalised, feeds)).every(Number.isFinite)).toBe(true);
  });
});
