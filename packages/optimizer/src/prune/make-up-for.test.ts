import { openModel, seededRandom } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { floats, makeNode, writeOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import type { ExampleSource } from "../examples.ts";
import { smallModel, value } from "../testing/small-graphs.ts";
import { ChannelMoments } from "./channel-moments.ts";
import { explainChannels, explanationError, meansOf } from "./explain-channels.ts";
import { pruneChannels } from "./prune-channels.ts";

const random = seededRandom(3);
const drawn = (count: number) => Float32Array.from({ length: count }, () => random() - 0.5);

const [CHANNELS, KEPT] = [8, 4];

/** A product of eight channels in front of another; the last four are `told` by the first four, or are their own. */
function twoProducts(kind: "Conv" | "Gemm" | "Gemm with outputs last", told: boolean): OnnxModel {
  const own = drawn(CHANNELS * 3).map((weight, at) => weight * (at < KEPT * 3 ? 1 : 0.3));
  if (told) for (let at = KEPT * 3; at < own.length; at += 1) own[at] = 0.3 * (own[at - KEPT * 3] ?? 0) - 0.1 * (own[(at - KEPT * 3 + 3) % (KEPT * 3)] ?? 0);
  const isConv = kind === "Conv";
  const next = drawn(CHANNELS * 5 * (isConv ? 9 : 1));
  return smallModel({
    opset: 17,
    inputs: [value("x", isConv ? ["N", 3, 6, 6] : ["N", 3])],
    outputs: [value("y", isConv ? ["N", 5, 4, 4] : ["N", 5])],
    initializers: [floats("w1", isConv ? [CHANNELS, 3, 1, 1] : [CHANNELS, 3], own), floats("w2", isConv ? [5, CHANNELS, 3, 3] : kind === "Gemm" ? [5, CHANNELS] : [CHANNELS, 5], next)],
    nodes: [
      makeNode(isConv ? "Conv" : "Gemm", ["x", "w1"], ["a"], isConv ? {} : { transB: { int: 1 } }, { name: "first" }),
      makeNode(isConv ? "Conv" : "Gemm", ["a", "w2"], ["y"], kind === "Gemm" ? { transB: { int: 1 }, alpha: { float: 0.5 } } : {}, { name: "second" }),
    ],
  });
}

const examplesFor = (model: OnnxModel, count: number): ExampleSource => ({
  count,
  read: (index) => {
    const shape = model.graph.nodes[0]?.opType === "Conv" ? [2, 3, 6, 6] : [16, 3];
    const next = seededRandom(100 + index);
    return Promise.resolve({ feeds: { x: { elementType: "float32", shape, data: Float32Array.from({ length: shape.reduce((all, size) => all * size, 1) }, () => next()) } }, label: null });
  },
});

/** Root mean square of what the outputs of other inputs lost, over that of the outputs. */
async function lossOf(model: OnnxModel, pruned: OnnxModel): Promise<number> {
  const { feeds } = await examplesFor(model, 1).read(50);
  const [wanted = [], got = []] = await Promise.all([model, pruned].map(async (each) => {
    const open = await openModel(writeOnnx(each));
    const outputs = Array.from((await open.run(feeds))["y"]?.data ?? [], Number);
    await open.close();
    return outputs;
  }));
  const square = (values: readonly number[]) => values.reduce((sum, each) => sum + each * each, 0);
  return Math.sqrt(square(wanted.map((each, at) => each - (got[at] ?? 0))) / square(wanted));
}

test.each(["Conv", "Gemm", "Gemm with outputs last"] as const)("%s: channels that others tell are removed almost without a trace, others with what means leave", async (kind) => {
  for (const told of [true, false]) {
    const model = twoProducts(kind, told);
    const share = { ratio: KEPT / CHANNELS, roundTo: KEPT };
    const { model: bare } = await pruneChannels(model, share);
    const { model: pruned, report } = await pruneChannels(model, share, examplesFor(model, 24));
    expect(report).toMatchObject({ groups: [{ kept: KEPT }], compensatedBiases: 1 });
    const [without, loss] = [await lossOf(model, bare), await lossOf(model, pruned)];
    if (told) expect(report.compensatedWeights).toBe(1);
    expect(loss).toBeLessThan(told ? 0.05 * without : without);
  }
});

test("channels that have nothing to do with each other are explained by their means", () => {
  const rows = (count: number) => {
    const moments = new ChannelMoments(6, "covariances");
    moments.add({ elementType: "float32", shape: [count, 6], data: drawn(count * 6) });
    return moments;
  };
  // Fewer rows than channels: what the fit found is chance, and worse on others.
  const [fitted, others] = [rows(4), rows(60)];
  const [kept, removed, worth] = [[0, 1, 2, 3], [4, 5], [1, 1]];
  const told = explainChannels(fitted, kept, removed);
  if (told === null) throw new Error("there was something to explain");
  expect(explanationError(told, fitted, worth)).toBeLessThan(explanationError(meansOf(fitted, kept, removed), fitted, worth));
  expect(explanationError(told, others, worth)).toBeGreaterThan(explanationError(meansOf(fitted, kept, removed), others, worth));
});

test("channels that never change explain nothing, and what is not finite is seen", () => {
  const still = new ChannelMoments(3, "covariances");
  still.add({ elementType: "float32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 1, 2, 3) });
  expect(explainChannels(still, [0, 1], [2])).toBeNull();
  expect(still.isFinite).toBe(true);
  still.add({ elementType: "float32", shape: [1, 3], data: Float32Array.of(1, Number.NaN, 3) });
  expect(still.isFinite).toBe(false);
});
