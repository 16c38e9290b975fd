import type { OnnxNode } from "@flotilla/runtime/ir";
import type { Constants, DotLayer } from "../dot-layer.ts";
import { NotEmulated } from "../dot-layer.ts";
import { matMulIntegerToFloat, qgemm, qlinearMatMul } from "./matrix-products.ts";
import { qlinearConv } from "./qlinear-conv.ts";

const LOWERINGS: Readonly<Record<string, (node: OnnxNode, constants: Constants) => DotLayer>> = {
  QLinearConv: qlinearConv,
  QLinearMatMul: qlinearMatMul,
  QGemm: qgemm,
  MatMulIntegerToFloat: matMulIntegerToFloat,
};

/** Kernels that also sum products of integers and have no emulation. */
const OTHERS = new Set(["MatMulInteger", "ConvInteger", "DynamicQuantizeLSTM", "QAttention", "ConvTransposeInteger"]);

/** The node as a sum of products; a sentence when it is one that cannot be emulated; null when it sums no products of integers. */
export function dotLayer(node: OnnxNode, constants: Constants): DotLayer | string | null {
  const lower = Object.hasOwn(LOWERINGS, node.opType) ? LOWERINGS[node.opType] : undefined;
  if (lower === undefined) return OTHERS.has(node.opType) ? `${node.opType} is not emulated` : null;
  try {
    return lower(node, constants);
  } catch (error) {
    if (error instanceof NotEmulated) return error.message;
    throw error;
  }
}
