import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { floats, GraphIndex, int8s, makeNode } from "@flotilla/runtime/ir";
import type { Pass, PassChange } from "../pass.ts";
import { NUMBER_FORMATS, type NumberFormat } from "../quantize/number-formats.ts";
import { quantiseWeights, weightScales } from "../quantize/weight-quantisation.ts";
import { dynamicLstm } from "./dynamic-lstm.ts";
import type { MatrixProduct } from "./float-weights.ts";
import { matrixProduct, matrixValues } from "./float-weights.ts";

/**
 * Weights of a product (or of the input matrix of an LSTM) from which quantising its activations at every run costs less than it gains.
 * Time over that of the float kernel, one thread, AVX512-VNNI, 28 November 2026: 128 × 128 1.10 for one row and 1.01 for 16; 256 × 256
 * 1.04 and 0.72; 512 × 512 0.75 and 0.49; an LSTM of 64 units 1.28, of 128 0.86, of 256 0.51.
 */
const WEIGHTS_MIN = 65_536;
const FLOAT = 1;

export type DynamicInt8Options = {
  /** Names of nodes that stay as they are. */
  readonly keepFloat?: readonly string[];
  /** Weights in seven bits: two products fit the 16-bit sums of x86 CPUs without VNNI, which clip them otherwise. */
  readonly reducedRange?: boolean;
};

/**
 * Matrix products whose activations are quantised at run time: weights in int8 with a scale per column, and the chain of operators that
 * ONNX Runtime makes one DynamicQuantizeMatMul of. LSTMs become DynamicQuantizeLSTM (com.microsoft). Never convolutions: ConvInteger is
 * slower than the float kernel. Needs no calibration.
 */
export function dynamicInt8({ keepFloat = [], reducedRange = false }: DynamicInt8Options = {}): Pass {
  const format = reducedRange ? NUMBER_FORMATS.int8SymmetricReduced : NUMBER_FORMATS.int8Symmetric;
  return {
    name: "dynamic-int8",
    title: "Matrix products in int8, activations quantised at run time",
    expectedEffect: "matrices and LSTM weights of 256 × 256 and more take a quarter of their bytes and run up to twice as fast",
    exactness: "lossy",
    appliesTo(model) {
      if ((model.opsets.find(({ domain }) => domain === "")?.version ?? 0) < 11) return "DynamicQuantizeLinear needs opset 11";
      return work(model, keepFloat, format).length > 0 ? null : "no MatMul, Gemm or LSTM has constant float32 weights that are large enough";
    },
    run(model) {
      const changes = work(model, keepFloat, format).map((edit) => edit());
      new GraphIndex(model.graph).removeUnused();
      return changes;
    },
  };
}

function work(model: OnnxModel, keepFloat: readonly string[], format: NumberFormat): (() => PassChange)[] {
  const index = new GraphIndex(model.graph);
  const stored: Stored = { format, names: new Map() };
  const edits: (() => PassChange)[] = [];
  for (const node of model.graph.nodes.filter(({ name }) => name === "" || !keepFloat.includes(name))) {
    const product = matrixProduct(node, index);
    if (product !== null && product.depth * product.columns >= WEIGHTS_MIN) edits.push(() => quantiseProduct(model, index, product, stored));
    const lstm = dynamicLstm(node, index, WEIGHTS_MIN, format);
    if (lstm !== null) edits.push(() => lstm(model));
  }
  return edits;
}

/** Names of codes, scales and zero points of matrices that are stored already, by matrix: nodes that share one go on sharing. */
type Stored = { readonly format: NumberFormat; readonly names: Map<string, readonly [codes: string, scale: string, zero: string]> };

function storeMatrix(model: OnnxModel, index: GraphIndex, product: MatrixProduct, format: NumberFormat): readonly [string, string, string] {
  const { matrix, depth, columns } = product;
  const layout = { outer: depth, channels: columns, inner: 1 };
  const weights = matrixValues(product);
  const { values, scales } = quantiseWeights(weights, layout, weightScales(weights, layout, format));
  const fresh = (suffix: string) => index.freshName(`${matrix.name}_${suffix}`);
  const [codes, scale, zero] = [fresh("int8"), fresh("scale"), fresh("zero")];
  model.graph.initializers.push(int8s(codes, [depth, columns], Int8Array.from(values)), floats(scale, [columns], scales), int8s(zero, [columns], new Int8Array(columns)));
  return [codes, scale, zero];
}

function quantiseProduct(model: OnnxModel, index: GraphIndex, product: MatrixProduct, stored: Stored): PassChange {
  const { node, matrix, depth, columns, bias, isTransposed } = product;
  const key = `${isTransposed} ${matrix.name}`;
  const [codes, scale, zero] = stored.names.get(key) ?? storeMatrix(model, index, product, stored.format);
  stored.names.set(key, [codes, scale, zero]);
  const [x = "", output = ""] = [node.inputs[0], node.outputs[0]];
  const base = node.name === "" ? output : node.name;
  const value = (suffix: string) => index.freshName(`${base}_${suffix}`);
  const [xq, xs, xz, sums, real, both] = [value("quantised"), value("scale"), value("zero"), value("sums"), value("real_sums"), value("scales")];
  const scaled = bias === null ? output : value("scaled");
  const chain: OnnxNode[] = [
    makeNode("DynamicQuantizeLinear", [x], [xq, xs, xz], {}, { name: value("quantise") }),
    makeNode("MatMulInteger", [xq, codes, xz, zero], [sums], {}, { name: value("integer") }),
    makeNode("Cast", [sums], [real], { to: { int: FLOAT } }, { name: value("widen") }),
    makeNode("Mul", [xs, scale], [both], {}, { name: value("both") }),
    makeNode("Mul", [real, both], [scaled], {}, { name: value("rescale") }),
    ...(bias === null ? [] : [makeNode("Add", [scaled, bias], [output], {}, { name: value("bias") })]),
  ];
  model.graph.nodes.splice(model.graph.nodes.indexOf(node), 1, ...chain);
  return { node: base, what: `${depth} × ${columns} weights in int8, activations quantised at run time` };
}
