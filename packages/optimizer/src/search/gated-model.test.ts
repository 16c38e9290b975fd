import type { Tensor } from "@flotilla/runtime";
import { openModel } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { writeOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { activationScales, tensorsToObserve } from "../quantize/activation-ranges.ts";
import { calibrate } from "../quantize/calibrate.ts";
import { NUMBER_FORMATS } from "../quantize/number-formats.ts";
import { placeQuantisers } from "../quantize/placement.ts";
import { writeQdq } from "../quantize/write-qdq.ts";
import { gatedModel } from "./gated-model.ts";
import { sensitiveTask } from "./testing/sensitive-net.ts";

async function scores(model: OnnxModel, feeds: Readonly<Record<string, Tensor>>): Promise<number[]> {
  const session = await openModel(writeOnnx(model), { graphOptimization: "disabled" });
  const { scores: output } = await session.run(feeds);
  await session.close();
  return Array.from(output?.data as Float32Array);
}

test("with all gates off it is the float model, with all on the quantised one", async () => {
  const { model, examples } = await sensitiveTask(8);
  const placement = placeQuantisers(model, { smallestMacs: 0 });
  const method = { kind: "min-max" } as const;
  const statistics = await calibrate(model, tensorsToObserve(model.graph, placement), examples, method);
  const activations = activationScales(model.graph, placement, statistics, { method, format: NUMBER_FORMATS.uint8 });
  const plan = { placement, activations, weights: () => ({ format: NUMBER_FORMATS.int8Symmetric, perChannel: true }) };
  const gated = gatedModel(model, model.graph.nodes.filter((node) => placement.integer.has(node)), plan);
  expect(gated.gates.map(({ node }) => node)).toEqual(expect.arrayContaining(["conv1", "conv2", "conv3"]));
  const { feeds } = await examples.read(0);
  const switched = (gate: number) => ({ ...feeds, ...Object.fromEntries(gated.gates.map(({ input }): [string, Tensor] => [input, { elementType: "float32", shape: [], data: Float32Array.of(gate) }])) });
  const difference = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((value, at) => Math.abs(value - (b[at] ?? 0))));
  const [exact, quantised] = [await scores(model, feeds), await scores(writeQdq(model, plan), feeds)];
  expect(difference(exact, await scores(gated.model, switched(0)))).toBeLessThan(1e-5);
  expect(difference(quantised, await scores(gated.model, switched(1)))).toBeLessThan(1e-3);
  expect(difference(exact, quantised)).toBeGreaterThan(1e-2);
});
