import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { openModel } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { readOnnx, writeOnnx } from "@flotilla/runtime/ir";

/** The graph that ONNX Runtime makes of a model at the level "extended", where integer kernels have taken the place of QDQ groups. */
export async function fusedModel(model: OnnxModel, workDir: string): Promise<OnnxModel> {
  const optimizedModelPath = join(workDir, `fused-${randomUUID()}.onnx`);
  try {
    const session = await openModel(writeOnnx(model), { graphOptimization: "extended", optimizedModelPath });
    await session.close();
    return readOnnx(await readFile(optimizedModelPath));
  } finally {
    await rm(optimizedModelPath, { force: true });
  }
}
