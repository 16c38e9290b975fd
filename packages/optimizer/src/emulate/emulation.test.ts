import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "@flotilla/runtime";
import { openModel, runtimeFacts } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OperatorName } from "../testing/integer-cases.ts";
import { integerCase, INTEGER_CASES } from "../testing/integer-cases.ts";
import { openEmulation } from "./emulation.ts";

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-emulation-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

// The runtime itself is the truth here, and only where it adds in 32 bits.
const { isa, arch } = await runtimeFacts();
const isExactHere = arch !== "x64" || ["avx512_vnni", "avx_vnni", "amx_int8"].some((flag) => isa.includes(flag));

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
