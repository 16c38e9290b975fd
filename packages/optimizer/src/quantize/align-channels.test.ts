import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModel, floatTensor, openModel, seededRandom, syntheticFeeds } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { cloneModel, readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, expect, test } from "vitest";
import { predictSaturation } from "../emulate/predict-saturation.ts";
import { auditFusion } from "../fusion/audit.ts";
import { alignChannels } from "./align-channels.ts";
import type { QuantizeOptions } from "./quantize-static.ts";
import { quantizeStatic } from "./quantize-static.ts";

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-align-test-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

type Shape = { readonly channels: number; readonly filters: number; readonly window?: number };

/** Two convolutions, the first of which reads the input of the model. */
function network({ channels, filters, window = 3 }: Shape): OnnxModel {
  const next = seededRandom(channels * 100 + filters);
  const numbers = (name: string, dims: number[]) => floatTensor(name, dims, Array.from({ length: dims.reduce((all, dim) => all * dim, 1) }, () => next() - 0.5));
  const initializers = [numbers("w1", [filters, channels, window, window]), numbers("b1", [filters]), numbers("w2", [8, filters, 1, 1]), numbers("w3", [2, 8 * 144])];
  const nodes = [
    { opType: "Conv", name: "first", inputs: ["x", "w1", "b1"], outputs: ["c1"], attributes: { pads: { ints: new Array<number>(4).fill(window >> 1) } } },
    { opType: "Relu", name: "relu", inputs: ["c1"], outputs: ["r1"] },
    { opType: "Conv", name: "second", inputs: ["r1", "w2"], outputs: ["c2"] },
    { opType: "Flatten", name: "flat", inputs: ["c2"], outputs: ["f"] },
    { opType: "Gemm", name: "head", inputs: ["f", "w3"], outputs: ["y"], attributes: { transB: { int: 1 } } },
  ];
  const inputs = [{ name: "x", elementType: "float32", shape: [1, channels, 12, 12] }];
  return readOnnx(buildModel({ graph: { inputs, outputs: [{ name: "y", elementType: "float32", shape: [1, 2] }], initializers, nodes } }));
}

function examples(channels: number) {
  const inputs = [{ name: "x", elementType: "float32" as const, shape: [1, channels, 12, 12] }];
  return { count: 6, read: (index: number) => Promise.resolve({ feeds: syntheticFeeds(inputs, index + 1), label: null }) };
}

async function quantised(shape: Shape, options: QuantizeOptions = {}): Promise<OnnxModel> {
  return (await quantizeStatic(network(shape), examples(shape.channels), { smallestMacs: 0, ...options })).model;
}

function padsOf(model: OnnxModel): string[] {
  return model.graph.nodes.filter(({ opType }) => opType === "Pad").map(({ name }) => name);
}

/** The quantised model as it is without further channels. */
function unaligned(model: OnnxModel): OnnxModel {
  const plain = cloneModel(model);
  const { graph } = plain;
  const pad = graph.nodes.find(({ opType }) => opType === "Pad");
  const dequantize = graph.nodes.find(({ inputs }) => inputs[0] === pad?.outputs[0]);
  const conv = graph.nodes.find(({ inputs }) => inputs[0] === dequantize?.outputs[0]);
  const weights = graph.initializers.find(({ name }) => name === graph.nodes.find(({ outputs }) => outputs[0] === conv?.inputs[1])?.inputs[0]);
  if (pad === undefined || dequantize === undefined || weights === undefined || Array.isArray(weights.data)) throw new Error("nothing was aligned");
  const data = weights.data;
  const [filters = 0, blocks = 0, ...window] = weights.dims;
  const channels = graph.inputs[0]?.type?.kind === "tensor" ? (graph.inputs[0].type.shape?.[1]) : undefined;
  const kept = channels?.kind === "value" ? channels.value : 0;
  const size = window.reduce((all, dim) => all * dim, 1);
  weights.data = Buffer.concat(Array.from({ length: filters }, (_, filter) => data.subarray(filter * blocks * size, (filter * blocks + kept) * size)));
  weights.dims = [filters, kept, ...window];
  dequantize.inputs[0] = pad.inputs[0] ?? "";
  graph.nodes = graph.nodes.filter((node) => node !== pad);
  graph.initializers = graph.initializers.filter(({ name }) => name !== pad.inputs[1]);
  return plain;
}

async function answers(model: OnnxModel, channels: number): Promise<Float32Array[]> {
  const session = await openModel(writeOnnx(model), { graphOptimization: "all" });
  const found: Float32Array[] = [];
  for (let index = 0; index < 6; index += 1) found.push((await session.run((await examples(channels).read(index)).feeds))["y"]?.data as Float32Array);
  await session.close();
  return found;
}

test.each([1, 2, 3, 5])("%i channels of an input are filled up to a block of four, and every answer stays bit by bit", async (channels) => {
  // In eight bits, CPUs without VNNI clip sums of neighbouring products, and other products are neighbours then.
  const model = await quantised({ channels, filters: 16 }, { reducedRange: "all" });
  expect(padsOf(model)).toEqual(["first_pad_channels"]);
  expect(await answers(model, channels)).toEqual(await answers(unaligned(model), channels));
});

test("the padding runs on integers, as foreseen, and the convolution stays fused on x86 and ARM", async () => {
  const model = await quantised({ channels: 3, filters: 16 });
  for (const target of ["x86", "arm"] as const) {
    const { nodes } = await auditFusion(model, { workDir, target });
    expect(nodes.filter(({ isAsPredicted }) => !isAsPredicted)).toEqual([]);
    for (const opType of ["Pad", "Conv"]) expect(nodes.filter((node) => node.opType === opType).map(({ state }) => state)).not.toContain("float");
  }
});

test("the emulator reads the padded convolution", async () => {
  const model = await quantised({ channels: 3, filters: 16 });
  const { layers } = await predictSaturation(model, examples(3), { workDir });
  expect(layers.find(({ node }) => node.includes("first"))).toMatchObject({ opType: "QLinearConv" });
});

const LEFT_ALONE: Record<string, { readonly shape: Shape; readonly options?: { readonly activations: "int8" } }> = {
  "channels that are a block": { shape: { channels: 4, filters: 16 } },
  "filters that are no block": { shape: { channels: 3, filters: 12 } },
  "a large window over one channel": { shape: { channels: 1, filters: 16, window: 7 } },
  "signed activations": { shape: { channels: 3, filters: 16 }, options: { activations: "int8" } },
};
test.each(Object.entries(LEFT_ALONE))("%s: nothing is padded", async (_, { shape, options }) => {
  expect(padsOf(await quantised(shape, options))).toEqual([]);
});

test("what is aligned already stays as it is", async () => {
  const model = await quantised({ channels: 3, filters: 16 });
  const before = writeOnnx(model);
  alignChannels(model);
  expect(Buffer.compare(writeOnnx(model), before)).toBe(0);
});
