import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "@flotilla/runtime";
import { openModel, seededRandom } from "@flotilla/runtime";
import { GraphIndex, int8s, makeNode, readOnnx, scalarFloat, uint8s, writeOnnx } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExampleSource } from "../examples.ts";
import { cellModel, type ActivationType } from "../testing/qdq-cells.ts";
import { qdqNetwork } from "../testing/qdq-network.ts";
import { smallModel, value } from "../testing/small-graphs.ts";
import { computeLayer } from "./compute-layer.ts";
import { DotProducts } from "./dot-products.ts";
import { openEmulation } from "./emulation.ts";
import { dotLayer } from "./layers/dot-layer-of.ts";
import { addsIn32Bits, predictSaturation } from "./predict-saturation.ts";

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-saturation-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

function image(seed: number): Record<string, Tensor> {
  const next = seededRandom(seed);
  return { x: { elementType: "uint8", shape: [1, 3, 12, 12], data: Uint8Array.from({ length: 432 }, () => 256 * Math.sqrt(next())) } };
}

const images: ExampleSource = { count: 12, read: async (index) => ({ feeds: image(index), label: index % 5 }) };

describe("a whole network in the emulator", () => {
  test("gives bit for bit what ONNX Runtime gives here, through branches, sums, pools and concatenations", async () => {
    const model = qdqNetwork(127);
    const emulation = await openEmulation(model, { arithmetic: (await addsIn32Bits()) ? "exact" : "saturating", workDir });
    const session = await openModel(writeOnnx(model), { graphOptimization: "extended" });
    expect(emulation.layers.map(({ node, opType, notEmulated }) => `${node} ${opType} ${notEmulated}`).sort()).toEqual([
      "conv1 QLinearConv null",
      "last MatMulIntegerToFloat null",
      "left QLinearConv null",
      "right QLinearConv null",
    ]);
    const answers = new Set<string>();
    for (let seed = 0; seed < 5; seed += 1) {
      const emulated = ((await emulation.run(image(seed))).outputs["scores"]?.data ?? []) as Float32Array;
      expect([...emulated]).toEqual(Array.from(((await session.run(image(seed)))["scores"]?.data ?? []) as Float32Array));
      answers.add(emulated.join());
    }
    await session.close();
    await emulation.close();
    expect(answers.size).toBe(5);
  });
});

describe("saturation on CPUs without VNNI", () => {
  test("large weights overflow on bright images, are counted by layer, and change the answers", async () => {
    const report = await predictSaturation(qdqNetwork(127), images, { workDir });
    const conv1 = report.layers.find(({ node }) => node === "conv1");
    expect(conv1).toMatchObject({ canSaturate: true, suggestedReducedRange: true, examplesAffected: 12 });
    expect(conv1?.events).toBeGreaterThan(100);
    expect(report.examplesAffected).toBe(12);
    expect(report.withoutVnni.agreement.outputs[0]?.maxAbsError).toBeGreaterThan(0);
    expect(report.withoutVnni.accuracy?.n).toBe(12);
    // A machine that clips sums itself bears the prediction out.
    expect(report.identicalHere).toBe((await addsIn32Bits()) ? null : 12);
  });

  test("seven-bit weights cannot overflow: nothing is emulated and no answer changes", async () => {
    const report = await predictSaturation(qdqNetwork(64), images, { workDir });
    expect(report.layers.map(({ canSaturate, events }) => [canSaturate, events])).toEqual(report.layers.map(() => [false, 0]));
    expect(report.withoutVnni.agreement.outputs[0]).toMatchObject({ maxAbsError: 0, cosineMin: 1 });
  });

  test("pairs run over the channels of a place, then to the next place: three channels pair across places", () => {
    // 1 image, 3 channels, 1 × 2; kernel 1 × 2; products in order: (p0c0 p0c1) (p0c2 p1c0) (p1c1 p1c2).
    const weights = [127, 100, 0, 0, 127, 90];
    const model = convModel(weights);
    const index = new GraphIndex(model.graph);
    const layer = dotLayer(model.graph.nodes[0] ?? makeNode("", [], []), (name) => index.constantValue(name));
    if (layer === null || typeof layer === "string") throw new Error("a QLinearConv is a dot layer");
    const activations: Tensor = { elementType: "uint8", shape: [1, 3, 1, 2], data: Uint8Array.of(255, 255, 10, 10, 255, 255) };
    const input = { activations, params: { scale: 1, zero: 0 } };
    // Channel-major weights: c0 (127, 100), c1 (0, 0), c2 (127, 90). In order: 127 0 | 127 100 | 0 90 over activations 255 10 | 255 255 | 10 255.
    const exact = computeLayer(layer, input, "exact", new DotProducts());
    const clipped = computeLayer(layer, input, "saturating", new DotProducts());
    expect([...(exact.output.data as Uint8Array)]).toEqual([Math.round((255 * 127 + 255 * 127 + 255 * 100 + 255 * 90) / 1_000)]);
    expect([...(clipped.output.data as Uint8Array)]).toEqual([Math.round((255 * 127 + 32_767 + 255 * 90) / 1_000)]);
    expect([exact.events, clipped.events]).toEqual([0, 1]);
  });

  test("a depthwise convolution adds in 32 bits everywhere", () => {
    const model = convModel([127, 127, 127, 127, 127, 127], { dims: [3, 1, 1, 2], groups: 3 });
    const index = new GraphIndex(model.graph);
    const layer = dotLayer(model.graph.nodes[0] ?? makeNode("", [], []), (name) => index.constantValue(name));
    expect(layer).toMatchObject({ isPaired: false });
  });

  test("signed activations saturate like their unsigned twins, as x86 makes them unsigned", async () => {
    const [unsigned, signed] = [await predictSaturation(convCell("uint8"), signals, { workDir }), await predictSaturation(convCell("int8"), signals, { workDir })];
    expect(unsigned.layers).toMatchObject([{ opType: "QLinearConv", canSaturate: true, notEmulated: null }]);
    expect(unsigned.layers[0]?.events).toBeGreaterThan(10);
    expect(signed.layers).toEqual(unsigned.layers);
    expect(signed.withoutVnni.agreement.outputs).toEqual(unsigned.withoutVnni.agreement.outputs);
  });

  test("signed activations that branch stay in floats on x86, where nothing saturates; unsigned ones that branch do saturate", async () => {
    const [unsigned, signed] = [await predictSaturation(convCell("uint8", true), signals, { workDir }), await predictSaturation(convCell("int8", true), signals, { workDir })];
    expect(unsigned.layers[0]?.events).toBeGreaterThan(10);
    expect([signed.layers, signed.examplesAffected]).toEqual([[], 0]);
    expect(signed.withoutVnni.agreement.outputs.map(({ maxAbsError }) => maxAbsError)).toEqual([0, 0]);
  });

  test("a Gemm of signed activations that branch, giving floats, stays on integers and pairs nothing", async () => {
    const inputs = [{ kind: "activation", shape: [2, 4] }, { kind: "weight", shape: [4, 32] }] as const;
    const layersOf = async (type: ActivationType) => {
      const emulation = await openEmulation(readOnnx(cellModel({ opType: "Gemm", type, branching: true, inputs, output: null })), { arithmetic: "saturating", workDir });
      await emulation.close();
      return emulation.layers.map(({ opType, canSaturate }) => [opType, canSaturate]);
    };
    expect([await layersOf("uint8"), await layersOf("int8")]).toEqual([[["QGemm", true]], [["QGemm", false]]]);
  });

  test("the graph of ARM keeps signed activations, and a kernel of signed activations pairs nothing", async () => {
    const optimizedModelPath = join(workDir, "arm.onnx");
    await (await openModel(writeOnnx(convCell("int8")), { graphOptimization: "extended", optimizedModelPath, sessionConfig: { qdqisint8allowed: "1" } })).close();
    const { graph } = readOnnx(readFileSync(optimizedModelPath));
    const index = new GraphIndex(graph);
    const layers = graph.nodes.map((node) => dotLayer(node, (name) => index.constantValue(name))).filter((layer) => layer !== null);
    expect(layers).toMatchObject([{ opType: "QLinearConv", isPaired: false }]);
  });

  test("an aborted prediction stops with the reason", async () => {
    const controller = new AbortController();
    const running = predictSaturation(qdqNetwork(64), images, { workDir, signal: controller.signal, onProgress: () => controller.abort(new Error("enough")) });
    await expect(running).rejects.toThrow("enough");
  });
});

/** Q, DQ, a convolution with large weights, Q, DQ: the same real numbers in either type. */
function convCell(type: ActivationType, branching = false) {
  return readOnnx(cellModel({ opType: "Conv", type, branching, inputs: [{ kind: "activation", shape: [1, 4, 6, 6] }, { kind: "weight", shape: [32, 4, 1, 1] }] }));
}

const signals: ExampleSource = {
  count: 6,
  read: async (index) => {
    const next = seededRandom(index);
    return { feeds: { in0: { elementType: "float32", shape: [1, 4, 6, 6], data: Float32Array.from({ length: 144 }, () => 16 * next() - 6) } }, label: null };
  },
};

function convModel(weights: readonly number[], { dims, groups }: { dims: readonly number[]; groups: number } = { dims: [1, 3, 1, 2], groups: 1 }) {
  return smallModel({
    opset: 17,
    inputs: [value("x", [1, 3, 1, 2], "uint8")],
    outputs: [value("y", [1, dims[0] ?? 1, 1, 1], "uint8")],
    initializers: [
      scalarFloat("one", 1),
      uint8s("zero", [], [0]),
      int8s("w", dims, weights),
      int8s("w_zero", [], [0]),
      scalarFloat("thousand", 1_000),
    ],
    nodes: [makeNode("QLinearConv", ["x", "one", "zero", "w", "one", "w_zero", "thousand", "zero"], ["y"], { group: { int: groups } }, { name: "conv" })],
  });
}
