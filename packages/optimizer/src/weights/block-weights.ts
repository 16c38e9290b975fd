import type { OnnxModel, OnnxTensor } from "@flotilla/runtime/ir";
import { cloneModel, floats, GraphIndex, makeNode, OpsetRefusal, rawTensor, setAttribute, upgradeOpset } from "@flotilla/runtime/ir";
import type { Pass, PassChange } from "../pass.ts";
import type { BlockFormat, BlockWeights } from "./block-quantisation.ts";
import { quantiseBlocks } from "./block-quantisation.ts";
import type { MatrixProduct } from "./float-weights.ts";
import { matrixProduct, matrixValues } from "./float-weights.ts";

export type BlockWeightOptions = BlockFormat & {
  /** Smallest matrix that is worth it, in weights. Default 4,096. */
  readonly weightsMin?: number;
  /** Blocks of products by the name of their output, made otherwise than by rounding to the nearest. */
  readonly prepared?: ReadonlyMap<string, BlockWeights>;
};

const WEIGHTS_MIN = 4_096;
/** DequantizeLinear takes blocks and 4-bit integers from here on. */
const OPSET = 21;

/**
 * Matrices of MatMul and Gemm in blocks of 4 or 8 bits behind a DequantizeLinear, as standard ONNX. ONNX Runtime makes MatMulNBits of it,
 * which by default also rounds activations to int8; the session key `session.qdq_matmulnbits_accuracy_level` = 1 keeps those float.
 * Raises the model to opset 21. Convolutions are left alone: their weights would be dequantised at every run.
 *
 * Time over that of the float kernel, 4 bits, one thread, AVX512-VNNI, 28 November 2026: 512 × 512 0.77 for one row and 1.33 for 16;
 * 1,024 × 1,024 0.21 and 0.79.
 */
export function blockWeights(options: BlockWeightOptions): Pass {
  const { bits, blockSize } = options;
  return {
    name: `block-weights-int${bits}`,
    title: `Matrices in blocks of ${blockSize} at ${bits} bits`,
    expectedEffect: `matrices take about ${bits === 4 ? "a seventh" : "a quarter"} of their bytes; products of one row by 512 × 512 and more get faster, products of many rows slower`,
    exactness: "lossy",
    appliesTo(model) {
      if (blockProducts(model, options).length === 0) return "no MatMul or Gemm has a constant float32 matrix that is large enough";
      const raised = raiseOpset(cloneModel(model));
      return typeof raised === "string" ? raised : null;
    },
    run(model) {
      const changes = raiseOpset(model);
      if (typeof changes === "string") return [];
      const index = new GraphIndex(model.graph);
      for (const product of blockProducts(model, options)) changes.push(quantiseProduct(model, index, product, options));
      new GraphIndex(model.graph).removeUnused();
      return changes;
    },
  };
}

/** The products whose weights are worth it. */
export function blockProducts(model: OnnxModel, { weightsMin = WEIGHTS_MIN, blockSize }: BlockWeightOptions): MatrixProduct[] {
  const index = new GraphIndex(model.graph);
  const all = model.graph.nodes.map((node) => matrixProduct(node, index)).filter((product) => product !== null);
  return all.filter(({ depth, columns }) => depth >= blockSize && depth * columns >= weightsMin);
}

/** What was changed, or why the model cannot be raised; it is then as it was. */
function raiseOpset(model: OnnxModel): PassChange[] | string {
  const opset = model.opsets.find(({ domain }) => domain === "")?.version ?? 0;
  if (opset >= OPSET) return [];
  try {
    return upgradeOpset(model, OPSET).changed.map((node) => ({ node, what: `brought to opset ${OPSET}` }));
  } catch (error) {
    if (error instanceof OpsetRefusal) return error.message;
    throw error;
  }
}

/** Nodes that share a matrix get a copy each: ONNX Runtime repacks the weights and makes no MatMulNBits of shared ones. */
function quantiseProduct(model: OnnxModel, index: GraphIndex, product: MatrixProduct, format: BlockWeightOptions): PassChange {
  const { node, matrix, depth, columns, isTransposed } = product;
  const weights = matrixValues(product);
  const blocks = format.prepared?.get(node.outputs[0] ?? "") ?? quantiseBlocks(weights, depth, columns, format);
  const name = index.freshName(`${matrix.name}_int${format.bits}`);
  const [scales, zeros, real] = [index.freshName(`${name}_scales`), index.freshName(`${name}_zeros`), index.freshName(`${name}_real`)];
  model.graph.initializers.push(codesTensor(name, blocks.codes, [depth, columns], format), floats(scales, [blocks.blocks, columns], blocks.scales));
  if (!format.symmetric) model.graph.initializers.push(codesTensor(zeros, blocks.zeroPoints, [blocks.blocks, columns], format));
  const inputs = format.symmetric ? [name, scales] : [name, scales, zeros];
  const dequantise = makeNode("DequantizeLinear", inputs, [real], { axis: { int: 0 }, block_size: { int: format.blockSize } }, { name: index.freshName(`${name}_dequantise`) });
  model.graph.nodes.splice(model.graph.nodes.indexOf(node), 0, dequantise);
  node.inputs[1] = real;
  if (isTransposed) setAttribute(node, "transB", { int: 0 });
  keepFromGemm(model, index, product);
  const error = relativeError(weights, blocks, columns, format);
  return { node: node.name, what: `${depth} × ${columns} weights in ${format.bits} bits, ${blocks.blocks * columns} scales; error ${(error * 100).toFixed(2)} % of their root mean square` };
}

/** What ONNX Runtime merges with a Gemm in front of it; the merged node is then no candidate for MatMulNBits any more. */
const MERGED_ACTIVATIONS = new Set(["Relu", "LeakyRelu", "Sigmoid", "Tanh", "Elu", "Selu", "HardSigmoid", "Softplus", "Softsign", "ThresholdedRelu"]);

/**
 * Where an activation follows, or the bias is not one number per column, the product is written as MatMul and the bias as Sum, which
 * ONNX Runtime makes no Gemm of: such a Gemm would not become MatMulNBits. The result is the same.
 */
function keepFromGemm(model: OnnxModel, index: GraphIndex, { node, bias, columns }: MatrixProduct): void {
  const isActivated = (name: string | undefined) => {
    const reader = index.onlyConsumer(name ?? "");
    return reader !== null && reader.domain === "" && MERGED_ACTIVATIONS.has(reader.opType);
  };
  const isPlainBias = (name: string | undefined) => {
    const dims = index.constantValue(name ?? "")?.dims;
    return dims?.length === 1 && dims[0] === columns;
  };
  const [x = "", w = "", output = ""] = [node.inputs[0], node.inputs[1], node.outputs[0]];
  if (node.opType === "MatMul") {
    const next = index.onlyConsumer(output);
    const operand = next?.inputs.find((name) => name !== output);
    const isBias = next?.opType === "Add" && index.constantValue(operand ?? "") !== null;
    if (isBias && (isActivated(next.outputs[0]) || !isPlainBias(operand))) next.opType = "Sum";
    // Through a Relu the runtime looks for a QuantizeLinear, and finding none it leaves the product alone. This is the same operator.
    if (next?.opType === "Relu" && next.domain === "") Object.assign(next, { opType: "LeakyRelu", attributes: makeNode("LeakyRelu", [], [], { alpha: { float: 0 } }).attributes });
    return;
  }
  if (!isActivated(output) && (bias === null || isPlainBias(bias))) return;
  Object.assign(node, { opType: "MatMul", inputs: [x, w], attributes: [] });
  if (bias === null) return;
  const product = index.freshName(`${output}_product`);
  node.outputs = [product];
  model.graph.nodes.splice(model.graph.nodes.indexOf(node) + 1, 0, makeNode("Sum", [product, bias], [output], {}, { name: index.freshName(`${output}_bias`) }));
}

/** Codes as the file has them: symmetric ones signed, 4-bit ones two to a byte, the first in the low half. */
function codesTensor(name: string, codes: Uint8Array, dims: readonly number[], { bits, symmetric }: BlockFormat): OnnxTensor {
  const half = symmetric ? 2 ** (bits - 1) : 0;
  const sign = symmetric ? "int" : "uint";
  if (bits === 8) return rawTensor(name, `${sign}8`, dims, codes.map((code) => code - half));
  const packed = new Uint8Array(Math.ceil(codes.length / 2));
  for (const [index, code] of codes.entries()) packed[index >> 1] = (packed[index >> 1] ?? 0) | (((code - half) & 15) << ((index & 1) * 4));
  return rawTensor(name, `${sign}4`, dims, packed);
}

/** Root of the mean squared error over the root of the mean square of the weights. */
function relativeError(weights: Float32Array, { codes, scales, zeroPoints }: BlockWeights, columns: number, { blockSize }: BlockFormat): number {
  let [errors, squares] = [0, 0];
  for (const [index, weight] of weights.entries()) {
    const at = Math.floor(Math.floor(index / columns) / blockSize) * columns + (index % columns);
    errors += (weight - ((codes[index] ?? 0) - (zeroPoints[at] ?? 0)) * (scales[at] ?? 0)) ** 2;
    squares += weight * weight;
  }
  return squares === 0 ? 0 : Math.sqrt(errors / squares);
}
