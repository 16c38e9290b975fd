import type { OnnxNode } from "@flotilla/runtime/ir";
import { floatAttribute, intAttribute, stringAttribute } from "@flotilla/runtime/ir";

/**
 * What the CPU provider of ONNX Runtime 1.30 does with DequantizeLinear → operator → QuantizeLinear: one row an operator, measured by
 * opening a small model for each cell and reading the graph it was turned into (`fusion-cells.test.ts` repeats that). Scales and zero
 * points are constant scalars throughout; only constant weights may have a scale per channel.
 */

/** How an operator must be fed for an integer kernel to take its place. */
export type KernelRule = {
  readonly kind: "kernel";
  /** Name of the integer kernel when its output is quantised as well. */
  readonly kernel: string;
  /** Name of the kernel that gives a float output; null when the output must be quantised. */
  readonly floatOutputKernel: string | null;
  /** How many inputs must come from a DequantizeLinear: all that are present, or this many of them. */
  readonly dequantisedInputs: "all" | number;
  readonly types: "one-type" | "weights-apart";
  /** What a plain float constant in these inputs is turned into by the runtime itself, where it is. */
  readonly quantisesItself: { readonly weight: boolean; readonly bias: boolean };
  /** Further conditions of this operator: why it stays float, or null. */
  readonly unless: ((node: OnnxNode) => string | null) | null;
};

/** An operator that runs on integers as it is, between two equal pairs of scale and zero point. */
type MovingRule = {
  readonly kind: "moves-values";
  readonly sixteenBit: boolean;
  /** Whether the runtime carries a DequantizeLinear in front of it, or a QuantizeLinear behind it, to its other side. */
  readonly letsPass: boolean;
  readonly unless: ((node: OnnxNode) => string | null) | null;
};

/** An operator that reads integers and gives no quantised values (positions, for example). */
type ReadingRule = { readonly kind: "reads-integers" };

/** An operator that the runtime takes out in front of a QuantizeLinear whose limits clip already. */
type ClippingRule = { readonly kind: "clips" };

/** An operator that the runtime takes out before it fuses. */
type NothingRule = { readonly kind: "nothing" };

type FloatRule = { readonly kind: "float"; readonly why: string; readonly instead: string | null };

export type FusionRule = KernelRule | MovingRule | ReadingRule | ClippingRule | NothingRule | FloatRule;

const NOTHING_ITSELF = { weight: false, bias: false };

function kernelRule(kernel: string, dequantisedInputs: "all" | number = "all"): KernelRule {
  return { kind: "kernel", kernel, floatOutputKernel: null, dequantisedInputs, types: "one-type", quantisesItself: NOTHING_ITSELF, unless: null };
}

function moves(options: Partial<Omit<MovingRule, "kind">> = {}): MovingRule {
  return { kind: "moves-values", sixteenBit: true, letsPass: false, unless: null, ...options };
}

function float(instead: string | null = null): FloatRule {
  return { kind: "float", why: "it has no integer kernel", instead };
}

function gemmStaysFloat(node: OnnxNode): string | null {
  if ((node.inputs[2] ?? "") === "") return null;
  if (floatAttribute(node, "alpha", 1) !== 1) return "alpha is not 1 and there is a bias";
  return floatAttribute(node, "beta", 1) === 1 ? null : "beta is not 1";
}

function resizeStaysFloat(node: OnnxNode): string | null {
  return stringAttribute(node, "mode", "nearest") === "nearest" ? null : "only the nearest mode has an integer kernel";
}

const RULES: Readonly<Record<string, FusionRule>> = {
  Conv: { ...kernelRule("QLinearConv"), types: "weights-apart", quantisesItself: { weight: true, bias: true } },
  MatMul: { ...kernelRule("QLinearMatMul"), types: "weights-apart", floatOutputKernel: "MatMulIntegerToFloat" },
  Gemm: {
    ...kernelRule("QGemm"),
    types: "weights-apart",
    floatOutputKernel: "QGemm",
    quantisesItself: { weight: true, bias: true },
    unless: gemmStaysFloat,
  },
  Add: kernelRule("QLinearAdd"),
  Mul: kernelRule("QLinearMul"),
  Concat: kernelRule("QLinearConcat"),
  Where: kernelRule("QLinearWhere", 2),
  Sigmoid: kernelRule("QLinearSigmoid"),
  LeakyRelu: kernelRule("QLinearLeakyRelu"),
  Softmax: kernelRule("QLinearSoftmax"),
  AveragePool: kernelRule("QLinearAveragePool"),
  GlobalAveragePool: kernelRule("QLinearGlobalAveragePool"),
  MaxPool: moves({ sixteenBit: false, letsPass: true, unless: (node) => (node.outputs.length > 1 ? "its indices are asked for" : null) }),
  ReduceMax: moves({ sixteenBit: false }),
  ReduceMin: moves({ sixteenBit: false }),
  Reshape: moves({ letsPass: true }),
  Flatten: moves(),
  Transpose: moves({ letsPass: true }),
  Squeeze: moves({ letsPass: true }),
  Unsqueeze: moves({ letsPass: true }),
  Slice: moves({ letsPass: true }),
  Gather: moves(),
  GatherElements: moves(),
  Expand: moves(),
  Tile: moves(),
  DepthToSpace: moves({ sixteenBit: false }),
  Resize: moves({ sixteenBit: false, unless: resizeStaysFloat }),
  Split: moves(),
  ArgMax: { kind: "reads-integers" },
  Relu: { kind: "clips" },
  Clip: { kind: "clips" },
  Identity: { kind: "nothing" },
  Dropout: { kind: "nothing" },
  ConvTranspose: float(),
  Sub: float("Add of the negated constant"),
  Div: float("Mul by the reciprocal constant"),
  PRelu: float("LeakyRelu when the slope is one number"),
  HardSwish: float("Add, a clipping QuantizeLinear and Mul"),
  HardSigmoid: float("Add and a clipping QuantizeLinear"),
  ReduceMean: float("GlobalAveragePool over all spatial axes"),
  Pad: float("the pads of the convolution or pool behind it"),
  BatchNormalization: float("the weights of the convolution in front of it"),
  SpaceToDepth: float("Reshape, Transpose, Reshape"),
};

const UNKNOWN: FloatRule = float();

/** The row of an operator; foreign domains have none but the float one. */
export function fusionRule(node: Pick<OnnxNode, "opType" | "domain">): FusionRule {
  return node.domain === "" && Object.hasOwn(RULES, node.opType) ? (RULES[node.opType] ?? UNKNOWN) : UNKNOWN;
}

/** Where a kernel with weights expects them: their input and the axis of a scale per output channel; null for other operators. */
type WeightInput = { readonly input: number; readonly channelAxis: number; readonly biasInput: number | null };

/**
 * The runtime does not check the axis: MatMul weights with scales along axis 0 fuse all the same, and compute something else.
 * `rank` is that of the weights.
 */
export function weightInput(node: OnnxNode, rank: number): WeightInput | null {
  if (node.domain !== "") return null;
  switch (node.opType) {
    case "Conv":
      return { input: 1, channelAxis: 0, biasInput: 2 };
    case "Gemm":
      return { input: 1, channelAxis: intAttribute(node, "transB", 0) === 0 ? 1 : 0, biasInput: 2 };
    case "MatMul":
      return { input: 1, channelAxis: rank - 1, biasInput: null };
    default:
      return null;
  }
}

/** Kernels of the runtime that compute on 8-bit integers, as they are named in a graph it has rewritten. */
export function isIntegerKernel(opType: string): boolean {
  return opType.startsWith("QLinear") || INTEGER_KERNELS.has(opType);
}

const INTEGER_KERNELS = new Set(["QGemm", "MatMulIntegerToFloat", "MatMulInteger", "ConvInteger", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"]);

/** Operators that carry integers through unchanged. */
export function movesValues(opType: string): boolean {
  return fusionRule({ opType, domain: "" }).kind === "moves-values";
}

/** Relative and absolute distance of a convolution's bias scale from the product of its scales at which the runtime gives up. */
const BIAS_SCALE_RELATIVE = 0.01;
const BIAS_SCALE_ABSOLUTE = 1e-6;

/** Whether a bias scale is near enough to the product of input and weight scale for QLinearConv. */
export function biasScaleMatches(scale: number, product: number): boolean {
  return Math.abs(scale - product) <= BIAS_SCALE_ABSOLUTE + BIAS_SCALE_RELATIVE * Math.abs(product);
}
