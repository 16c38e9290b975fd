import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "@flotilla/runtime";
import { openModel, seededRandom } from "@flotilla/runtime";
import { floats, makeNode, writeOnnx } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OperatorName } from "../testing/integer-cases.ts";
import { integerCase, INTEGER_CASES } from "../testing/integer-cases.ts";
import { smallModel, value } from "../testing/small-graphs.ts";
import { dynamicInt8 } from "../weights/dynamic-int8.ts";
import { openEmulation } from "./emulation.ts";
import { addsIn32Bits } from "./predict-saturation.ts";

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-emulation-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

// The runtime itself is the truth here, and only where it adds in 32 bits.
const isExactHere = await addsIn32Bits();

describe.skipIf(!isExactHere)("the emulator against the fused kernels of ONNX Runtime, bit for bit", () => {
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
      process.stdout.write(`${operator}: ${total.outputs} outputs in ${INTEGER_CASES[operator]} cases, ${total.mismatches} mismatches\n`);
    });
  }
});

describe.skipIf(!isExactHere)("products whose activations are ranged at run time", () => {
  test("are computed bit for bit as ONNX Runtime does, and clipped sums are predicted for them too", async () => {
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
    const [exact, saturating] = [await openEmulation(model, { arithmetic: "exact", workDir }), await openEmulation(model, { arithmetic: "saturating", workDir })];
    expect(exact.layers).toMatchObject([{ opType: "MatMulIntegerToFloat", canSaturate: true, notEmulated: null }]);
    let events = 0;
    for (let round = 0; round < 6; round += 1) {
      const feeds = { x: { elementType: "float32" as const, shape: [20, depth], data: Float32Array.from({ length: 20 * depth }, () => next() * 3 - 0.1) } };
      const [expected] = Object.values(await session.run(feeds)).map(({ data }) => data as Float32Array);
      expect((await exact.run(feeds)).outputs["y"]?.data).toEqual(expected);
      for (const count of (await saturating.run(feeds)).events.values()) events += count;
    }
    await session.close();
    await exact.close();
    await saturating.close();
    expect(events).toBeGreaterThan(1_000);
  });
});

async function compare(operator: OperatorName, seed: number): Promise<{ outputs: number; mismatches: number; title: string }> {
  const { title, model, feeds } = integerCase(operator, seed);
  const session = await openModel(writeOnnx(model), { graphOptimization: "extended" });
  const expected = Object.values(await session.run(feeds))[0] as Tensor;
  await session.close();
  const emulation = await openEmulation(model, { arithmetic: "exact", workDir });
  expect(emulation.layers.map(({ notEmulated }) => notEmulated), title).toEqual([null]);
  const { outputs } = await emulation.run(feeds);
  await emulation.close();
  const actual = Object.values(outputs)[0] as Tensor;
  expect(actual.shape, title).toEqual(expected.shape);
  const numbers = actual.data as Uint8Array;
  const mismatches = Array.from(expected.data as Uint8Array).filter((value, index) => !Object.is(value, numbers[index])).length;
  return { outputs: numbers.length, mismatches, title };
}
