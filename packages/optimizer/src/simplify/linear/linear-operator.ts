import type { OnnxNode } from "@flotilla/runtime/ir";
import { makeNode } from "@flotilla/runtime/ir";
import type { ChannelAffine } from "../channel-affine.ts";
import { fits, floatConstant, isFloatType } from "../float-constant.ts";
import type { FloatType } from "../float-constant.ts";
import type { GraphView } from "../graph-view.ts";

/**
 * An operator y = W·x + b with constant W and b that can take a neighbouring multiplication and addition per channel into them. Both
 * functions return the node to put in its place, with the same activation inputs, or null where the operator's conditions do not hold.
 */
export type LinearOperator = {
  /** scale · (W·x + b) + shift. */
  readonly absorbAfter: (node: OnnxNode, affine: ChannelAffine, view: GraphView) => OnnxNode | null;
  /** W · (scale · x + shift) + b. */
  readonly absorbBefore: (node: OnnxNode, affine: ChannelAffine, view: GraphView) => OnnxNode | null;
};

/** Constant weights in float64, with the type they are kept in. */
export type Weights = { readonly values: Float64Array; readonly dims: readonly number[]; readonly elementType: FloatType };

export function readWeights(name: string | undefined, view: GraphView): Weights | null {
  const tensor = view.constant(name);
  const values = view.numbers(name);
  if (tensor === null || values === null || !isFloatType(tensor.elementType)) return null;
  return { values, dims: tensor.dims, elementType: tensor.elementType };
}

/** The bias of `channels` channels, zeros where there is none; null where it is not constant or has another form. */
export function readBias(name: string | undefined, channels: number, view: GraphView): Float64Array | null {
  if (name === undefined || name === "") return new Float64Array(channels);
  const values = view.numbers(name);
  return values !== null && values.length === channels ? values : null;
}

/** `values` with each element multiplied by the factor of its place. */
export function scaled(weights: Weights, factorAt: (index: number) => number): Float64Array {
  return weights.values.map((value, index) => value * factorAt(index));
}

export function isZero(values: Float64Array): boolean {
  return values.every((value) => value === 0);
}

/** `node` with other weights and bias; null when a number no longer fits the type. Leaves an absent bias absent while it is zero. */
export function withParameters(node: OnnxNode, view: GraphView, weights: Weights, bias: Float64Array): OnnxNode | null {
  const { elementType, dims, values } = weights;
  if (!fits(elementType, values) || !fits(elementType, bias)) return null;
  const [data = "", weightName = "", biasName = ""] = node.inputs;
  const inputs = [data, view.addConstant(weightName, floatConstant(elementType, dims, values))];
  if (biasName !== "" || !isZero(bias)) {
    inputs.push(view.addConstant(biasName === "" ? `${weightName}_bias` : biasName, floatConstant(elementType, [bias.length], bias)));
  }
  return { ...node, inputs, attributes: [...node.attributes] };
}

/** x · W + bias as a Gemm. */
export function gemmNode(source: OnnxNode, view: GraphView, weights: Weights, bias: Float64Array): OnnxNode | null {
  const [data = "", weightName = ""] = source.inputs;
  const gemm = makeNode("Gemm", [data, weightName], [...source.outputs], {}, { name: source.name });
  return withParameters(gemm, view, weights, bias);
}
