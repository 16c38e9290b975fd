import { openModel } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { checkModel, writeOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { quantizeStatic } from "../quantize/quantize-static.ts";
import { keepProductsFloat } from "./keep-products-float.ts";
import { sensitiveTask } from "./testing/sensitive-net.ts";

test.each([true, false])("a product between integers computes in float at every level, with a Relu behind it: %s", async (hasRelu) => {
  const { model, examples } = await sensitiveTask(8);
  if (!hasRelu) {
    model.graph.nodes = model.graph.nodes.filter(({ name }) => name !== "relu2");
    const conv3 = model.graph.nodes.find(({ name }) => name === "conv3");
    if (conv3 !== undefined) conv3.inputs[0] = "c2";
  }
  const { model: quantised } = await quantizeStatic(model, examples, { smallestMacs: 0, keepFloat: ["conv2"] });
  const { feeds } = await examples.read(0);
  const scores = async (made: OnnxModel, level: "disabled" | "basic" | "all") => {
    const session = await openModel(writeOnnx(made), { graphOptimization: level });
    const output = (await session.run(feeds))["scores"];
    await session.close();
    return Array.from(output?.data as Float32Array);
  };
  const wanted = await scores(quantised, "disabled");
  const distance = (values: readonly number[]) => Math.max(...wanted.map((value, at) => Math.abs(value - (values[at] ?? 0))));
  expect(distance(await scores(quantised, "basic")), "the runtime leaves it alone: this is not needed any more").toBeGreaterThan(0.1);
  expect(keepProductsFloat(quantised, new Set(["conv2"]))).toEqual(["conv2"]);
  expect(checkModel(quantised)).toEqual([]);
  for (const level of ["disabled", "basic", "all"] as const) expect(distance(await scores(quantised, level))).toBeLessThan(0.1);
});
