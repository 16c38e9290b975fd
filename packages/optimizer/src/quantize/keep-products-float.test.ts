import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openModel } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { checkModel, cloneModel, floatAttribute, setAttribute, writeOnnx } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, expect, test } from "vitest";
import { auditFusion } from "../fusion/audit.ts";
import { sensitiveTask } from "../search/testing/sensitive-net.ts";
import { quantizeStatic } from "./quantize-static.ts";

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-keep-float-test-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

/** What would be written without them: LeakyRelu of slope 0 is a Relu, of slope 1 nothing. */
function withoutBarriers(model: OnnxModel): OnnxModel {
  const copy = cloneModel(model);
  for (const node of copy.graph.nodes) {
    if (node.opType !== "LeakyRelu") continue;
    node.opType = floatAttribute(node, "alpha", 0.01) === 0 ? "Relu" : "Identity";
    setAttribute(node, "alpha", null);
  }
  return copy;
}

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
  expect(checkModel(quantised)).toEqual([]);
  const bare = withoutBarriers(quantised);
  expect(distance(await scores(bare, "basic")), "the runtime leaves it alone: what keeps it off is not needed any more").toBeGreaterThan(0.1);
  const audited = await auditFusion(quantised, { workDir, target: "x86" });
  expect(audited.find(({ node }) => node === "conv2")).toMatchObject({ state: "float" });
  for (const level of ["disabled", "basic", "all"] as const) expect(distance(await scores(quantised, level))).toBeLessThan(0.1);
});
