import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "@flotilla/runtime";
import { openModel, seededRandom } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { floats, makeNode, writeOnnx } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OperatorName } from "../testing/integer-cases.ts";
import { integerCase, INTEGER_CASES } from "../testing/integer-cases.ts";
import { smallModel, value } from "../testing/small-graphs.ts";
import { dynamicInt8 } from "../weights/dynamic-int8.ts";
import { type Emulation, openEmulation } from "./emulation.ts";
import { addsIn32Bits } from "./predict-saturation.ts";

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-emulation-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

// The runtime itself is the truth here, with the sums that this machine has.
const here = (await addsIn32Bits()) ? "exact" : "saturating";

describe("the emulator against the fused kernels of ONNX Runtime, bit for bit", () => {
  for (const operator of ["Conv", "Gemm", "MatMul"] as const) {
    test(`${operator}: no output differs`, { timeout: 600_000 }, async () => {
      const total = { outputs: 0, mismatches: 0, titles: [] as string[] };
      for (let seed = 1; seed <= INTEGER_CASES[operator]; seed += 1) {
        const { outputs, mismatches, title } = await compare(operator, seed);
        total.outputs += outputs;
        total.mismatches += mismatches;
        if (mismatches > 0) total.titles.push(`${seed}: ${title}`);
      }
      expect(total.titles).toEqual([]);
      expect(total.outputs).toBeGreaterThan(10_000);
      process.stdout.write(`${operator}: ${total.outputs} outputs in ${INTEGER_CASES[operator]} cases, ${total.mismatches} mismatches with ${here} sums\n`);
    });
  }
});

describe("products whose activations are ranged at run time", () => {
  test("are computed bit for bit as ONNX Runtime does here, and clipped sums are predicted for them too", async () => {
    const next = seededRandom(8);
    const [depth, columns] = [320, 240];
    const model = smallModel({
      opset: 17,
      inputs: [value("x", ["rows", depth])],
      outputs: [value("y", ["rows", columns])],
      initializers: [floats("w", [depth, columns], Float32Array.from({ length: depth * columns }, () => next() - 0.4)), floats("b", [columns], Float32Array.from({ length: columns }, next))],
      nodes: [makeNode("Gemm", ["x", "w", "b"], ["y"], {}, { name: "product" })],
    });
    await dynamicInt8().run(model, {});
    const session = await openModel(writeOnnx(model), { graphOptimization: "extended" });
    const [same, saturating] = [await openEmulation(model, { arithmetic: here, workDir }), await openEmulation(model, { arithmetic: "saturating", workDir })];
    expect(same.layers).toMatchObject([{ opType: "MatMulIntegerToFloat", canSaturate: true, notEmulated: null }]);
    let events = 0;
    for (let round = 0; round < 6; round += 1) {
      const feeds = { x: { elementType: "float32" as const, shape: [20, depth], data: Float32Array.from({ length: 20 * depth }, () => next() * 3 - 0.1) } };
      const [expected] = Object.values(await session.run(feeds)).map(({ data }) => data as Float32Array);
      expect((await same.run(feeds)).outputs["y"]?.data).toEqual(expected);
      for (const count of (await saturating.run(feeds)).events.values()) events += count;
    }
    await session.close();
    await same.close();
    await saturating.close();
    expect(events).toBeGreaterThan(1_000);
  });
});

/** Sums that cannot be clipped are the exact ones, also where others are clipped. */
async function emulationAsHere(model: OnnxModel): Promise<Emulation> {
  const emulation = await openEmulation(model, { arithmetic: here, workDir });
  if (emulation.layers.some(({ canSaturate }) => canSaturate)) return emulation;
  await emulation.close();
  return openEmulation(model, { arithmetic: "exact", workDir });
}

async function compare(operator: OperatorName, seed: number): Promise<{ outputs: number; mismatches: number; title: string }> {
  const { title, model, feeds } = integerCase(operator, seed);
  const session = await openModel(writeOnnx(model), { graphOptimization: "extended" });
  const expected = Object.values(await session.run(feeds))[0] as Tensor;
  await session.close();
  const emulation = await emulationAsHere(model);
  expect(emulation.layers.map(({ notEmulated }) => notEmulated), title).toEqual([null]);
  const { outputs } = await emulation.run(feeds);
  await emulation.close();
  const actual = Object.values(outputs)[0] as Tensor;
  expect(actual.shape, title).toEqual(expected.shape);
  const numbers = actual.data as Uint8Array;
  const mismatches = Array.from(expected.data as Uint8Array).filter((value, index) => !Object.is(value, numbers[index])).length;
  return { outputs: numbers.length, mismatches, title };
}
