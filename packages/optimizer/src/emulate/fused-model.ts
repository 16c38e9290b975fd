import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { openModel } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { readOnnx, writeOnnx } from "@flotilla/runtime/ir";

/**
 * Session keys with which every machine runs int8 activations as x86 does. There the runtime (QDQS8ToU8Transformer) moves
 * int8 activations with one reader to uint8, zero point and all, so they meet the kernels that pair products. Those with several
 * readers stay int8: a convolution or MatMul of them stays in floats for want of a kernel, a Gemm that gives floats goes to a kernel of signed activations
 * (MlasGemmQuantGetDispatch), which pairs nothing. ARM keeps int8 and sums in 32 bits: a graph fused there would say
 * that nothing saturates anywhere.
 */
export const AS_ON_X86: Readonly<Record<string, string>> = { qdqisint8allowed: "0" };

/** The graph that ONNX Runtime makes of a model for x86 at the level "extended", where integer kernels have taken the place of QDQ groups. */
export async function fusedModel(model: OnnxModel, workDir: string): Promise<OnnxModel> {
  const optimizedModelPath = join(workDir, `fused-${randomUUID()}.onnx`);
  try {
    const session = await openModel(writeOnnx(model), { graphOptimization: "extended", optimizedModelPath, sessionConfig: AS_ON_X86 });
    await session.close();
    return readOnnx(await readFile(optimizedModelPath));
  } finally {
    await rm(optimizedModelPath, { force: true });
  }
}
