import type { GraphIndex, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { intAttribute, tensorNumbers } from "@flotilla/runtime/ir";

/** Scale and zero point of a QuantizeLinear or DequantizeLinear node, from its constants. */
export type QdqParams = {
  readonly elementType: string;
  readonly scales: Float64Array;
  readonly zeroPoints: Float64Array;
  /** One scale and one zero point for the whole tensor. */
  readonly isScalar: boolean;
  readonly axis: number;
};

export function isQuantize(node: OnnxNode): boolean {
  return node.domain === "" && node.opType === "QuantizeLinear";
}

export function isDequantize(node: OnnxNode | null): node is OnnxNode {
  return node !== null && node.domain === "" && node.opType === "DequantizeLinear";
}

/** Null when scale or zero point are not constants. A missing zero point is uint8 0. */
export function qdqParams(index: GraphIndex, node: OnnxNode): QdqParams | null {
  const scale = index.constantValue(node.inputs[1] ?? "");
  if (scale === null) return null;
  const zeroName = node.inputs[2] ?? "";
  const zero: OnnxTensor | null = zeroName === "" ? null : index.constantValue(zeroName);
  if (zeroName !== "" && zero === null) return null;
  const scales = tensorNumbers(scale);
  return {
    elementType: zero?.elementType ?? index.constantValue(node.inputs[0] ?? "")?.elementType ?? "uint8",
    scales,
    zeroPoints: zero === null ? new Float64Array(scales.length) : tensorNumbers(zero),
    isScalar: scales.length === 1 && scale.dims.length <= 1,
    axis: intAttribute(node, "axis", 1),
  };
}

/** Same type, scale and zero point, each a scalar. */
export function sameParams(a: QdqParams, b: QdqParams): boolean {
  return a.isScalar && b.isScalar && a.elementType === b.elementType && a.scales[0] === b.scales[0] && a.zeroPoints[0] === b.zeroPoints[0];
}
