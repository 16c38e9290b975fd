import { randomUUID } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor, Tensors } from "@flotilla/runtime";
import { openModel } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { readOnnx, writeOnnx } from "@flotilla/runtime/ir";

/** How often each operator stands in the graph that ONNX Runtime makes of a model. */
export async function operatorsRun(model: OnnxModel, level: "basic" | "extended" = "extended"): Promise<Record<string, number>> {
  const optimizedModelPath = join(tmpdir(), `flotilla-optimised-${randomUUID()}.onnx`);
  try {
    const session = await openModel(writeOnnx(model), { graphOptimization: level, optimizedModelPath });
    await session.close();
    const counts: Record<string, number> = {};
    for (const { opType } of readOnnx(readFileSync(optimizedModelPath)).graph.nodes) counts[opType] = (counts[opType] ?? 0) + 1;
    return counts;
  } finally {
    rmSync(optimizedModelPath, { force: true });
  }
}

/** The first output of a model for one feed. */
export async function runOnce(model: OnnxModel, feeds: Tensors, sessionConfig: Readonly<Record<string, string>> = {}): Promise<Float32Array> {
  const session = await openModel(writeOnnx(model), { sessionConfig });
  try {
    const [output] = Object.values(await session.run(feeds)) as [Tensor];
    return output.data as Float32Array;
  } finally {
    await session.close();
  }
}

/** Root mean square of the difference over that of `expected`. */
export function relativeRms(actual: Float32Array, expected: Float32Array): number {
  let [errors, squares] = [0, 0];
  expected.forEach((value, index) => {
    errors += (value - (actual[index] ?? 0)) ** 2;
    squares += value ** 2;
  });
  return Math.sqrt(errors / squares);
}
