import { describe, expect, test } from "vitest";
import { convertKeras } from "./convert-keras.ts";
import { formulaWeight } from "./testing/formulas.ts";
import { h5Model, kerasModel, modelConfig, type TestLayer } from "./testing/keras-files.ts";
import { runConverted } from "./testing/run-converted.ts";

const input = (name: string, shape: readonly (number | null)[]): TestLayer => ({ className: "InputLayer", name, config: { batch_input_shape: [null, ...shape] } });
const layer = (className: string, name: string, inputs: readonly string[], config: object = {}, ...dims: readonly (readonly number[])[]): TestLayer => ({
  className, name, inputs, config, weights: dims.map((one, at) => formulaWeight(at, one)),
});
const vector = (...values: number[]) => ({ shape: [1, values.length], values: Float32Array.from(values) });

describe("networks", () => {
  test("several inputs and outputs keep their names, their order and their meaning", async () => {
    const file = await h5Model({
      className: "Functional", outputs: ["difference", "least"],
      layers: [input("a", [3]), input("b", [3]), layer("Subtract", "difference", ["a", "b"]), layer("Minimum", "least", ["b", "a"])],
    });
    const answers = await runConverted(file, "h5", { a: vector(1, 5, 2), b: vector(4, 1, 2) });
    expect([...answers].map(([name, { values }]) => [name, [...values]])).toEqual([["difference", [-3, 4, 0]], ["least", [1, 1, 2]]]);
  });

  test("Add, Multiply, Average, Maximum and Concatenate of values in both layouts", async () => {
    const layers = [
      input("x", [2, 2, 1]), layer("Conv2D", "doubled", ["x"], { filters: 1, kernel_size: [1, 1], use_bias: false }),
      ...["Add", "Multiply", "Average", "Maximum"].map((className) => layer(className, className, ["x", "doubled"])),
      layer("Concatenate", "rows", ["x", "doubled"], { axis: 1 }), layer("Concatenate", "channels", ["doubled", "x"], { axis: -1 }),
    ].map((one) => (one.name === "doubled" ? { ...one, weights: [{ dims: [1, 1, 1, 1], values: Float32Array.of(2) }] } : one));
    const file = await h5Model({ className: "Functional", layers, outputs: ["Add", "Multiply", "Average", "Maximum", "rows", "channels"] });
    const answers = await runConverted(file, "h5", { x: { shape: [1, 2, 2, 1], values: Float32Array.of(1, -2, 3, 4) } });
    const numbers = Object.fromEntries([...answers].map(([name, { values }]) => [name, [...values]]));
    expect(numbers).toEqual({
      Add: [3, -6, 9, 12], Multiply: [2, 8, 18, 32], Average: [1.5, -3, 4.5, 6], Maximum: [2, -2, 6, 8], rows: [1, -2, 3, 4, 2, -4, 6, 8], channels: [2, 1, -4, -2, 6, 3, 8, 4],
    });
  });

  test("a layer used twice has its weights once", async () => {
    const layers = [input("a", [2]), input("b", [2]), layer("Dense", "shared", [], { units: 2 }, [2, 2], [2]), layer("Add", "sum", [])];
    const config = modelConfig({ className: "Functional", layers, outputs: ["sum"] }) as { config: { layers: { inbound_nodes: unknown }[] } };
    const [, , shared, sum] = config.config.layers;
    if (shared === undefined || sum === undefined) throw new Error("the test's own model is incomplete");
    shared.inbound_nodes = [[["a", 0, 0, {}]], [["b", 0, 0, {}]]];
    sum.inbound_nodes = [[["shared", 0, 0, {}], ["shared", 1, 0, {}]]];
    const bytes = await h5Model({ className: "Functional", layers, outputs: ["sum"], config });
    const { model } = await convertKeras(bytes, "h5");
    expect(model.graph.initializers.map(({ name }) => name)).toEqual(["shared/kernel", "shared/bias"]);
    expect(model.graph.nodes.map(({ opType }) => opType)).toEqual(["Gemm", "Gemm", "Add"]);
  });

  test("a network inside of a network finds its weights in both forms of file", async () => {
    const inner = { layers: [{ ...input("inner_input", [2]) }, layer("Dense", "inner", [], { units: 3, activation: "relu" }, [2, 3], [3])] };
    const nested = modelConfig({ ...inner }) as { config: object };
    const layers = [input("x", [2]), { className: "Sequential", name: "base", config: { ...nested.config, name: "base" }, weights: inner.layers[1]?.weights ?? [], weightNames: ["inner/kernel:0", "inner/bias:0"], nestedGroup: "layers/dense" }, layer("Dense", "top", ["base"], { units: 1 }, [3, 1], [1])];
    const feeds = { x: vector(0.5, -1) };
    const fromH5 = await runConverted(await h5Model({ className: "Functional", layers, outputs: ["top"] }), "h5", feeds);
    const fromKeras = await runConverted(await kerasModel({ className: "Functional", layers, outputs: ["top"] }), "keras", feeds);
    const [kernel, bias, last, offset] = [formulaWeight(0, [2, 3]), formulaWeight(1, [3]), formulaWeight(0, [3, 1]), formulaWeight(1, [1])].map(({ values }) => [...values]);
    const hidden = [0, 1, 2].map((unit) => Math.max(0, 0.5 * (kernel?.[unit] ?? 0) - (kernel?.[3 + unit] ?? 0) + (bias?.[unit] ?? 0)));
    const expected = hidden.reduce((sum, value, unit) => sum + value * (last?.[unit] ?? 0), offset?.[0] ?? 0);
    expect(fromH5.get("top")?.values[0]).toBeCloseTo(expected, 6);
    // Keras 2 counts the inner network's own making as its first use.
    const config = modelConfig({ className: "Functional", layers, outputs: ["top"] }) as { config: { layers: { inbound_nodes: unknown }[] } };
    const top = config.config.layers.at(-1);
    if (top !== undefined) top.inbound_nodes = [[["base", 1, 0, {}]]];
    const countedFromOne = await runConverted(await h5Model({ className: "Functional", layers, outputs: ["top"], config }), "h5", feeds);
    expect(countedFromOne.get("top")?.values[0]).toBeCloseTo(expected, 6);
    expect(fromKeras.get("top")?.values[0]).toBeCloseTo(expected, 6);
  });

  test("an input of any size works with 'same' padding and strides", async () => {
    const layers = [input("x", [null, null, 1]), layer("Conv2D", "conv", ["x"], { filters: 1, kernel_size: [3, 3], strides: [2, 2], padding: "same" }, [3, 3, 1, 1], [1]), layer("GlobalMaxPooling2D", "out", ["conv"])];
    const bytes = await h5Model({ className: "Functional", layers, outputs: ["conv"] });
    const answers = await runConverted(bytes, "h5", { x: { shape: [2, 5, 8, 1], values: new Float32Array(80).fill(1) } });
    expect(answers.get("conv")?.shape).toEqual([2, 3, 4, 1]);
  });
});

describe("what comes out", () => {
  const mobile = (): TestLayer[] => [
    input("image", [8, 8, 3]),
    layer("Conv2D", "stem", [], { filters: 4, kernel_size: [3, 3], padding: "same", activation: "relu" }, [3, 3, 3, 4], [4]),
    layer("DepthwiseConv2D", "deep", [], { kernel_size: [3, 3], padding: "same" }, [3, 3, 4, 1], [4]),
    layer("Activation", "relu", [], { activation: "relu" }),
    layer("Dropout", "drop", [], { rate: 0.2 }),
    layer("AveragePooling2D", "pool", [], { pool_size: [8, 8] }),
    layer("Flatten", "flat", []),
    layer("Dense", "scores", [], { units: 10, activation: "softmax" }, [4, 10], [10]),
  ];

  test("one Transpose at the door and none behind it, a batch of any size, and names of the layers", async () => {
    const { model, report } = await convertKeras(await h5Model({ layers: mobile() }), "h5");
    expect(model.graph.nodes.map(({ opType }) => opType)).toEqual(["Transpose", "Conv", "Relu", "Conv", "Relu", "AveragePool", "Flatten", "Gemm", "Softmax"]);
    expect(model.graph.inputs.map(({ name, type }) => [name, type?.kind === "tensor" ? type.shape?.map((dim) => ("value" in dim ? dim.value : "param" in dim ? dim.param : "?")) : null])).toEqual([["image", ["batch", 8, 8, 3]]]);
    expect(model.graph.outputs.map(({ name }) => name)).toEqual(["scores"]);
    expect(report).toMatchObject({ format: "h5", producer: "Keras 2.4.0 (tensorflow)", parameters: 3 * 3 * 3 * 4 + 4 + 36 + 4 + 50 });
    expect(report.layers.map(({ className }) => className)).toContain("Dropout");
    expect(report.notes).toEqual(["Layers that only work in training (dropout, noise, random changes) are left out."]);
  });

  test("the same file gives the same bytes", async () => {
    const bytes = await kerasModel({ layers: mobile() });
    expect(await convertKeras(bytes, "keras")).toEqual(await convertKeras(bytes, "keras"));
  });

  test("half precision is widened and said", async () => {
    const layers = [input("x", [2]), layer("Dense", "d", [], { units: 1, dtype: { module: "keras", class_name: "DTypePolicy", config: { name: "mixed_float16" } } }, [2, 1], [1])];
    expect((await convertKeras(await h5Model({ layers }), "h5")).report.notes[0]).toContain("single precision");
  });
});
