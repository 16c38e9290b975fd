// Item 5: matrices in blocks must become ONNX Runtime's own kernel for them.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { blockWeights } from "@flotilla/optimizer";
import { buildModel, floatTensor, openModel, seededRandom } from "@flotilla/runtime";
import { type OnnxModel, readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import type { Row } from "./row.ts";

const [DEPTH, COLUMNS] = [256, 192];

export async function matricesInBlocks(workDir: string): Promise<Row[]> {
  let [fused, all] = [0, 0];
  for (const bits of [4, 8] as const) {
    for (const blockSize of [16, 32, 64, 128] as const) {
      for (const opType of ["MatMul", "Gemm"]) {
        const model = product(opType);
        await blockWeights({ bits, blockSize, symmetric: true }).run(model, {});
        const optimizedModelPath = join(workDir, `blocks-${bits}-${blockSize}-${opType}.onnx`);
        await (await openModel(writeOnnx(model), { graphOptimization: "extended", optimizedModelPath })).close();
        const kernels = readOnnx(await readFile(optimizedModelPath)).graph.nodes.map((node) => node.opType);
        all += 1;
        if (kernels.includes("MatMulNBits") && !kernels.includes("DequantizeLinear")) fused += 1;
      }
    }
  }
  return [{ item: "5", what: "int4/int8 blocks of 16 to 128, MatMul and Gemm, became MatMulNBits", measured: `${fused} of ${all}`, reference: "all", holds: fused === all }];
}

function product(opType: string): OnnxModel {
  const next = seededRandom(5);
  const weights = floatTensor("w", [DEPTH, COLUMNS], Array.from({ length: DEPTH * COLUMNS }, () => next() - 0.5));
  const inputs = [{ name: "x", elementType: "float32", shape: ["rows", DEPTH] }];
  const outputs = [{ name: "y", elementType: "float32", shape: ["rows", COLUMNS] }];
  return readOnnx(buildModel({ graph: { inputs, outputs, initializers: [weights], nodes: [{ opType, name: "product", inputs: ["x", "w"], outputs: ["y"] }] } }));
}
