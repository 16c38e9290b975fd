import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OperatorName } from "../testing/integer-cases.ts";
import { integerCase } from "../testing/integer-cases.ts";
import { openEmulation } from "./emulation.ts";

/**
 * SHA-256 over the outputs of twelve cases each (seeds 1001 to 1012) as ONNX Runtime 1.32 gave them on an x86 CPU with AVX2 and without
 * VNNI, which Valgrind 3.19 played: it ran the runtime's own `vpmaddubsw` kernels. There 0 of 85,117 outputs of 140 cases differed from
 * this emulator, while 25,155 differed from the exact sums.
 */
const RECORDED: Readonly<Record<OperatorName, string>> = {
  Conv: "f8d8b0a9319379e46027ca71714bb94a282550e5465dada43469a7cb1cf66025",
  Gemm: "1786aeeb7d3356adb0806bb78c9b49245b651faba5c67db6aafb3d317897e013",
  MatMul: "4deae03b8afe3e1a3ea0e43abe7b3cc0633188bd455a52aeeabf7f63eaebcf66",
};

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-recorded-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

for (const operator of ["Conv", "Gemm", "MatMul"] as const) {
  test(`${operator} saturates exactly as on a CPU with AVX2 and without VNNI`, async () => {
    const hash = createHash("sha256");
    let events = 0;
    for (let seed = 1_001; seed <= 1_012; seed += 1) {
      const { model, feeds } = integerCase(operator, seed);
      const emulation = await openEmulation(model, { arithmetic: "saturating", workDir });
      const { outputs, events: counts } = await emulation.run(feeds);
      await emulation.close();
      const [output] = Object.values(outputs);
      hash.update(Float32Array.from((output?.data ?? []) as Uint8Array));
      for (const count of counts.values()) events += count;
    }
    expect(hash.digest("hex")).toBe(RECORDED[operator]);
    expect(events).toBeGreaterThan(100);
  });
}
