/** What an operator does, coarsely: enough to tell boxes apart at a glance. */
export type OperatorFamily = "matrix" | "integer" | "conversion" | "activation" | "normalisation" | "pooling" | "shape" | "arithmetic" | "other";

/** The legend's order and words. `color` is a name of charts.css. */
export const operatorFamilies: readonly { family: OperatorFamily; label: string; color: string }[] = [
  { family: "matrix", label: "convolution, matrix product", color: "--chart-1" },
  { family: "integer", label: "in integers", color: "--chart-3" },
  { family: "conversion", label: "to and from integers", color: "--chart-2" },
  { family: "activation", label: "activation", color: "--chart-4" },
  { family: "normalisation", label: "normalisation", color: "--chart-5" },
  { family: "pooling", label: "pooling, reduction", color: "--chart-6" },
  { family: "arithmetic", label: "arithmetic", color: "--chart-7" },
  { family: "shape", label: "shape and data movement", color: "--chart-8" },
];

const MEMBERS: Record<Exclude<OperatorFamily, "other">, string> = {
  matrix: "Conv ConvTranspose FusedConv Gemm FusedGemm MatMul FusedMatMul MatMulNBits Einsum LSTM GRU RNN Attention MultiHeadAttention",
  integer: "QLinearConv QLinearMatMul QGemm ConvInteger MatMulInteger MatMulIntegerToFloat DynamicQuantizeMatMul QLinearAdd QLinearMul QLinearAveragePool QLinearGlobalAveragePool QLinearSigmoid QLinearLeakyRelu QLinearSoftmax QLinearConcat QLinearWhere QLinearReduceMean QAttention",
  conversion: "QuantizeLinear DequantizeLinear DynamicQuantizeLinear DequantizeBFP QuantizeBFP",
  activation: "Relu LeakyRelu PRelu Elu Selu Celu Sigmoid HardSigmoid Tanh Softmax LogSoftmax Clip HardSwish Softplus Softsign Gelu FastGelu BiasGelu QuickGelu Erf Mish ThresholdedRelu",
  normalisation: "BatchNormalization InstanceNormalization LayerNormalization SimplifiedLayerNormalization SkipLayerNormalization GroupNormalization LRN LpNormalization MeanVarianceNormalization RMSNormalization",
  pooling: "MaxPool AveragePool GlobalAveragePool GlobalMaxPool LpPool GlobalLpPool ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ArgMax ArgMin TopK",
  shape: "Reshape Flatten Transpose Squeeze Unsqueeze Concat Split Slice Gather GatherElements GatherND Scatter ScatterElements ScatterND Pad Expand Tile Shape Size Constant ConstantOfShape Range Identity Cast Resize Upsample DepthToSpace SpaceToDepth ReorderInput ReorderOutput Dropout",
  arithmetic: "Add Sub Mul Div Pow Sqrt Exp Log Neg Abs Min Max Sum Mean Mod Floor Ceil Round Reciprocal Sign Where Equal Greater Less GreaterOrEqual LessOrEqual And Or Not Xor",
};

const familyByOperator = new Map(Object.entries(MEMBERS).flatMap(([family, names]) => names.split(" ").map((name) => [name, family as OperatorFamily] as const)));

/** "other" for what is not in the table, as operators of other domains. */
export function familyOf(opType: string | null): OperatorFamily {
  return familyByOperator.get(opType ?? "") ?? "other";
}

/** Name of the colour of a family in charts.css. */
export function familyColor(family: OperatorFamily): string {
  return operatorFamilies.find((entry) => entry.family === family)?.color ?? "--line-strong";
}
