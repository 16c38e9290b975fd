// Item 4: the integer emulator against the fused kernels of ONNX Runtime, on the random cases of the package's own tests.
import { ownTests } from "./own-tests.ts";
import type { Row } from "./row.ts";

const OUTPUTS_MIN = 10_000;

export async function emulator(): Promise<Row[]> {
  const { printed } = await ownTests("packages/optimizer/src/emulate/emulation.test.ts");
  return ["Conv", "Gemm", "MatMul"].map((operator): Row => {
    const [, outputs, cases, mismatches, sums] = new RegExp(`^${operator}: (\\d+) outputs in (\\d+) cases, (\\d+) mismatches with (\\w+) sums`, "m").exec(printed) ?? [];
    const [what, reference] = [`emulator, ${operator}, mismatches in ${cases ?? "the"} random cases, ${sums ?? "no"} sums`, `0 of ≥ ${OUTPUTS_MIN}`];
    // Told only when nothing differed: the assertion stands in front of it.
    if (outputs === undefined) return { item: "4", what, measured: "the test failed", reference, holds: false };
    return { item: "4", what, measured: `${mismatches} of ${outputs}`, reference, holds: mismatches === "0" && Number(outputs) >= OUTPUTS_MIN };
  });
}
