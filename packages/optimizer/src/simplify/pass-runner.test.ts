import { floats, makeNode } from "@flotilla/runtime/ir";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import type { Exactness, Pass, PassContext } from "../pass.ts";
import { OutputGate } from "./output-gate.ts";
import { PassRunner } from "./pass-runner.ts";
import { removeNoOps } from "./remove-no-ops.ts";
import { smallModel, value } from "../testing/small-graphs.ts";

function chain(): OnnxModel {
  return smallModel({
    inputs: [value("x", ["N", 4])],
    outputs: [value("y", ["N", 4])],
    initializers: [floats("w", [4], [1.5, -2, 3, 0.25]), floats("low", [], [-100]), floats("high", [], [100])],
    nodes: [
      makeNode("Identity", ["x"], ["same"]),
      makeNode("Mul", ["same", "w"], ["product"], {}, { name: "multiply" }),
      makeNode("Clip", ["product", "low", "high"], ["y"], {}, { name: "clip" }),
    ],
  });
}

function passOf(name: string, exactness: Exactness, edit: (model: OnnxModel) => void): Pass {
  const run = (model: OnnxModel) => {
    edit(model);
    return [{ node: "multiply", what: "edited" }];
  };
  return { name, title: name, expectedEffect: "", exactness, appliesTo: () => null, run };
}

const setWeight = (factor: number) => (model: OnnxModel) => {
  model.graph.initializers = model.graph.initializers.map((tensor) =>
    tensor.name === "w" ? floats("w", [4], [1.5 * factor, -2 * factor, 3 * factor, 0.25 * factor]) : tensor,
  );
};

async function runnerFor(context: PassContext = {}): Promise<PassRunner> {
  const gate = await OutputGate.open(chain(), context);
  if (typeof gate === "string") throw new Error(gate);
  return new PassRunner(chain(), gate, context);
}

function outcomes(runner: PassRunner): string[] {
  return runner.reports.map(({ pass, outcome }) => `${pass}: ${outcome}`);
}

test("a pass that changes outputs is rolled back with the error, its neighbours are kept", async () => {
  const runner = await runnerFor();
  const wrong = passOf("wrong", "bit-equal", setWeight(1.01));
  expect(await runner.run([wrong, removeNoOps], 1)).toBe(true);
  expect(outcomes(runner)).toEqual(["wrong: rolled back", "remove-no-ops: kept"]);
  expect(runner.reports[0]?.reason).toContain("has to be exact");
  expect(runner.reports[0]?.error).toBeGreaterThan(1e-4);
  expect(runner.model.graph.nodes.map(({ opType }) => opType)).toEqual(["Mul", "Clip"]);
  expect(runner.model.graph.initializers.find(({ name }) => name === "w")).toEqual(chain().graph.initializers[0]);
});

test("rounding may move outputs by 1e-4, an exact edit not at all", async () => {
  const slight = 1 + 2e-5;
  const runner = await runnerFor();
  await runner.run([passOf("exact", "bit-equal", setWeight(slight)), passOf("rounding", "rounding", setWeight(slight))], 1);
  expect(outcomes(runner)).toEqual(["exact: rolled back", "rounding: kept"]);
  await runner.run([passOf("too much", "rounding", setWeight(1.001))], 2);
  expect(runner.reports.at(-1)?.reason).toContain("more than 1.00e-4");
});

test("rounding may not add up: later passes are held against the model as it came in", async () => {
  const runner = await runnerFor();
  for (let step = 1; step <= 6; step += 1) await runner.run([passOf(`step ${step}`, "rounding", setWeight(1 + step * 4e-5))], step);
  expect(outcomes(runner)[0]).toBe("step 1: kept");
  expect(outcomes(runner).at(-1)).toBe("step 6: rolled back");
});

test("a pass that leaves an invalid model behind is rolled back", async () => {
  const runner = await runnerFor();
  const dangling = passOf("dangling", "bit-equal", ({ graph }) => graph.nodes.splice(0, 1));
  expect(await runner.run([dangling], 1)).toBe(false);
  expect(runner.reports).toMatchObject([{ outcome: "rolled back", error: null }]);
  expect(runner.model.graph.nodes).toHaveLength(3);
});

test("a pass that breaks off costs only itself", async () => {
  const runner = await runnerFor();
  const broken = passOf("broken", "bit-equal", () => {
    throw new TypeError("no such dimension");
  });
  await runner.run([broken, removeNoOps], 1);
  expect(outcomes(runner)).toEqual(["broken: rolled back", "remove-no-ops: kept"]);
  expect(runner.reports[0]?.reason).toBe("broke off: no such dimension");
});

test("what was rolled back is not tried again", async () => {
  const runner = await runnerFor();
  const wrong = passOf("wrong", "bit-equal", setWeight(2));
  await runner.run([wrong], 1);
  await runner.run([wrong], 2);
  expect(runner.reports).toHaveLength(1);
});

test("a pass that makes the file grow is rolled back", async () => {
  const runner = await runnerFor();
  const size = 40_000;
  const bloat = passOf("bloat", "bit-equal", ({ graph }) => {
    graph.initializers.push(floats("big", [size, 1], new Float32Array(size)));
    graph.nodes.push(makeNode("ReduceSum", ["big"], ["zero"], { keepdims: { int: 0 } }), makeNode("Add", ["product", "zero"], ["sum"]));
    const clip = graph.nodes.find(({ opType }) => opType === "Clip");
    clip?.inputs.splice(0, 1, "sum");
    graph.nodes.splice(2, 3, ...graph.nodes.slice(3), ...graph.nodes.slice(2, 3));
  });
  await runner.run([bloat], 1);
  expect(runner.reports[0]?.reason).toContain("would grow");
});

test("what random inputs do not reach, the given examples do", async () => {
  const withoutClip = passOf("without clip", "bit-equal", ({ graph }) => {
    graph.nodes = [makeNode("Identity", ["x"], ["same"]), makeNode("Mul", ["same", "w"], ["y"])];
  });
  const blind = await runnerFor();
  await blind.run([withoutClip], 1);
  expect(outcomes(blind)).toEqual(["without clip: kept"]);
  const example = { x: { elementType: "float32" as const, shape: [1, 4], data: Float32Array.of(500, 0, 0, 0) } };
  const seeing = await runnerFor({ examples: [example] });
  await seeing.run([withoutClip], 1);
  expect(outcomes(seeing)).toEqual(["without clip: rolled back"]);
});

test("reports carry nodes and bytes before and after", async () => {
  const runner = await runnerFor();
  await runner.run([removeNoOps], 1);
  const [report] = runner.reports;
  expect(report).toMatchObject({ before: { nodes: 3 }, after: { nodes: 2 }, error: 0, changes: [{ what: "Identity changes nothing" }] });
  expect((report?.before.sizeBytes ?? 0) - (report?.after.sizeBytes ?? 0)).toBeGreaterThan(10);
});
