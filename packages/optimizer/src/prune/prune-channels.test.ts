import { readFileSync } from "node:fs";
import { demoConvNet, openModel, syntheticFeeds } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { checkModel, cloneModel, floats, int8s, makeNode, readOnnx, tensorNumbers, upgradeOpset, writeOnnx } from "@flotilla/runtime/ir";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ExampleSource } from "../examples.ts";
import { simplify } from "../simplify/simplify.ts";
import { sharedFile } from "../testing/shared-files.ts";
import { smallModel, value } from "../testing/small-graphs.ts";
import { widenFloat16 } from "../weights/widen-float16.ts";
import { pruneChannels } from "./prune-channels.ts";
import { PruningRefusal } from "./pruning-refusal.ts";
import type { ChannelNet } from "./testing/random-channel-net.ts";
import { CHANNEL_PARTS, randomChannelNet } from "./testing/random-channel-net.ts";

const nets: fc.Arbitrary<ChannelNet> = fc.record({
  seed: fc.nat(),
  opset: fc.constantFrom(11, 13, 18),
  batch: fc.constantFrom(1, 2, "N" as const),
  parts: fc.array(fc.constantFrom(...CHANNEL_PARTS), { minLength: 1, maxLength: 6 }),
  head: fc.constantFrom("flatten", "reshape", "pooled"),
});

async function firstOutput(model: OnnxModel, seed = 1): Promise<Float32Array> {
  const session = await openModel(writeOnnx(model));
  const [output] = Object.values(await session.run(syntheticFeeds(session.inputs, seed)));
  await session.close();
  return output?.data as Float32Array;
}

describe("random networks", () => {
  test("of every topology compute after the cut what they did with the removed channels at 0, or are refused by name", { timeout: 120_000 }, async () => {
    let cut = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(nets, fc.constantFrom(1, 2, 4), fc.constantFrom(0.25, 0.5, 0.8), async (net, roundTo, ratio) => {
        const model = randomChannelNet(net);
        const before = writeOnnx(model);
        try {
          const { model: pruned, report } = await pruneChannels(model, { ratio, roundTo });
          cut += 1;
          expect(report.surgeryError).toBeLessThan(1e-4);
          expect(checkModel(pruned)).toEqual([]);
          expect(report.macs.after).toBeLessThan(report.macs.before);
          for (const { channels, kept } of report.groups) expect(kept === channels || (kept >= roundTo && kept % roundTo === 0)).toBe(true);
          const output = await firstOutput(pruned);
          expect(output).toHaveLength(net.batch === 2 ? 10 : 5);
          // A network that says nothing would agree with anything.
          expect(output.some((value) => Math.abs(value) > 1e-6)).toBe(true);
        } catch (error) {
          if (!(error instanceof PruningRefusal)) throw error;
          refused += 1;
          expect(["nothing_to_prune", "share_too_small"]).toContain(error.code);
        }
        expect(Buffer.compare(writeOnnx(model), before)).toBe(0);
      }),
      { numRuns: 80 },
    );
    expect(cut).toBeGreaterThan(3 * refused);
  });

  const blocking = new Set(["normalise"]);
  test.each(CHANNEL_PARTS.filter((part) => !blocking.has(part)))("with %s in the middle lose channels on both sides", async (part) => {
    const net: ChannelNet = { seed: 7, opset: 13, batch: 1, parts: ["conv", part, "conv"], head: "flatten" };
    const { report } = await pruneChannels(randomChannelNet(net), { ratio: 0.5, roundTo: 1 });
    expect(report.groups.filter(({ channels, kept }) => kept < channels).length).toBeGreaterThan(1);
  });
});

/** Rows of a matrix of weights, as text to look them up by. */
function rows(model: OnnxModel, name: string): string[] {
  const tensor = model.graph.initializers.find((candidate) => candidate.name === name);
  if (tensor === undefined) throw new Error(`${name} is gone`);
  const numbers = tensorNumbers(tensor);
  const width = numbers.length / (tensor.dims[0] ?? 1);
  return Array.from({ length: tensor.dims[0] ?? 0 }, (_, row) => numbers.slice(row * width, (row + 1) * width).join());
}

test("the channels that go are the least, and setting their weights to 0 by hand gives the same outputs", async () => {
  const model = readOnnx(demoConvNet({ seed: 3, channels: 16 }));
  const { model: pruned, report } = await pruneChannels(model, { ratio: 0.5, roundTo: 8 });
  expect(report.groups).toEqual([
    { nodes: ["conv1"], channels: 16, kept: 8 },
    { nodes: ["conv2"], channels: 32, kept: 16 },
  ]);
  const byHand = cloneModel(model);
  for (const name of ["conv1.weight", "conv2.weight"]) {
    const stays = name === "conv1.weight" ? new Set(rows(pruned, name)) : new Set<string>();
    byHand.graph.initializers = byHand.graph.initializers.map((tensor) => {
      if (tensor.name !== name || stays.size === 0) return tensor;
      const width = tensorNumbers(tensor).length / 16;
      const kept = rows(model, name).map((row) => stays.has(row));
      expect(kept.filter(Boolean)).toHaveLength(8);
      return floats(name, tensor.dims, Float32Array.from(tensorNumbers(tensor), (weight, at) => (kept[Math.floor(at / width)] === true ? weight : 0)));
    });
  }
  // The second layer alone is pruned in the twin: its first is masked by hand.
  const { model: narrow } = await pruneChannels(byHand, { ratio: 0.5, roundTo: 8 });
  const [expected, actual] = [await firstOutput(narrow), await firstOutput(pruned)];
  expected.forEach((value, at) => expect(Math.abs(value - (actual[at] ?? 0))).toBeLessThan(1e-5));
});

/** Four of eight channels have no weights and a bias alone: what they give is the same for every image. */
function constantChannels(): OnnxModel {
  const weights = Float32Array.from({ length: 24 }, (_, at) => (at < 12 ? Math.sin(at + 1) + 1.5 : 0));
  const next = Float32Array.from({ length: 16 }, (_, at) => Math.cos(at + 1) + (at % 8 < 4 ? 2 : 0));
  return smallModel({
    opset: 17,
    inputs: [value("x", [1, 3, 4, 4])],
    outputs: [value("y", [1, 2, 4, 4])],
    initializers: [floats("w1", [8, 3, 1, 1], weights), floats("b1", [8], [0.1, 0.2, 0.3, 0.4, 1, 2, 3, 4]), floats("w2", [2, 8, 1, 1], next)],
    nodes: [
      makeNode("Conv", ["x", "w1", "b1"], ["a"], {}, { name: "first" }),
      makeNode("Relu", ["a"], ["r"], {}, { name: "relu" }),
      makeNode("Conv", ["r", "w2"], ["y"], {}, { name: "second" }),
    ],
  });
}

test("what removed channels gave on average goes into the biases behind them: constant channels are removed without a trace", async () => {
  const model = constantChannels();
  const examples: ExampleSource = { count: 3, read: (index) => Promise.resolve({ feeds: syntheticFeeds([{ name: "x", elementType: "float32", shape: [1, 3, 4, 4] }], index), label: null }) };
  const wanted = await firstOutput(model, 9);
  const largest = async (source: ExampleSource | null) => {
    const { model: pruned, report } = await pruneChannels(model, { ratio: 0.5, roundTo: 4 }, source);
    expect(report).toMatchObject({ groups: [{ nodes: ["first"], channels: 8, kept: 4 }], compensatedBiases: source === null ? 0 : 1 });
    const got = await firstOutput(pruned, 9);
    return Math.max(...wanted.map((value, at) => Math.abs(value - (got[at] ?? 0))));
  };
  expect(await largest(examples)).toBeLessThan(1e-5);
  expect(await largest(null)).toBeGreaterThan(0.1);
});

test("weights stored as integers lose channels with their scales", async () => {
  const values = Int8Array.from({ length: 24 }, (_, at) => (at * 37) % 100);
  const model = smallModel({
    opset: 17,
    inputs: [value("x", [1, 3, 4, 4])],
    outputs: [value("y", [1, 2, 4, 4])],
    initializers: [
      int8s("q1", [8, 3, 1, 1], values),
      floats("s1", [8], [1, 2, 3, 4, 5, 6, 7, 8]),
      int8s("z1", [8], new Int8Array(8)),
      int8s("q2", [2, 8, 1, 1], values.slice(0, 16)),
      floats("s2", [], [0.1]),
    ],
    nodes: [
      makeNode("DequantizeLinear", ["q1", "s1", "z1"], ["w1"], { axis: { int: 0 } }, { name: "real1" }),
      makeNode("Conv", ["x", "w1"], ["a"], {}, { name: "first" }),
      makeNode("DequantizeLinear", ["q2", "s2"], ["w2"], {}, { name: "real2" }),
      makeNode("Conv", ["a", "w2"], ["y"], {}, { name: "second" }),
    ],
  });
  const { model: pruned, report } = await pruneChannels(model, { ratio: 0.5, roundTo: 2 });
  expect(report.surgeryError).toBeLessThan(1e-4);
  expect(checkModel(pruned)).toEqual([]);
  expect(pruned.graph.initializers.map(({ dims }) => dims)).toEqual([[4, 3, 1, 1], [4], [4], [2, 4, 1, 1], []]);
});

describe("what cannot be pruned is refused by name", () => {
  test("an operator that channels cannot be followed through", async () => {
    const model = constantChannels();
    const indices = { ...floats("i", [2], [0, 0]), elementType: "int64", data: new Uint8Array(16) };
    model.graph.initializers.push(indices);
    model.graph.nodes[1] = makeNode("Gather", ["a", "i"], ["r"], { axis: { int: 1 } }, { name: "picks" });
    model.graph.nodes[2] = makeNode("Relu", ["r"], ["y"], {}, { name: "relu" });
    await expect(pruneChannels(model, { ratio: 0.5, roundTo: 1 })).rejects.toMatchObject({ code: "nothing_to_prune", reason: expect.stringContaining("Gather picks") as string });
  });

  test("a share of less than one block", async () => {
    await expect(pruneChannels(constantChannels(), { ratio: 0.1, roundTo: 8 })).rejects.toMatchObject({ code: "share_too_small" });
  });
});

describe("real models keep to the cut", () => {
  for (const file of ["mnist-8.onnx", "mnist-cnn-pytorch.onnx", "squeezenet-fp16.onnx", "face-rfb-320.onnx"]) {
    const { path, missing } = sharedFile("models", file);
    test(`${file}${missing === null ? "" : ` (skipped: ${missing})`}`, { skip: missing !== null }, async () => {
      const wide = readOnnx(readFileSync(path));
      await widenFloat16.run(wide, {});
      upgradeOpset(wide, 13);
      const { model } = await simplify(wide, { verifyRuns: 1 });
      const { model: pruned, report } = await pruneChannels(model, { ratio: 0.3, roundTo: 4 });
      expect(report.surgeryError).toBeLessThan(1e-4);
      expect(checkModel(pruned).filter(({ severity }) => severity === "error")).toEqual([]);
      expect(report.macs.after).toBeLessThan(0.75 * report.macs.before);
      expect(writeOnnx(pruned).length).toBeLessThan(0.75 * writeOnnx(model).length);
    });
  }
});
