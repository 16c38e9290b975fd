import { elementCount, intAttribute } from "@flotilla/runtime/ir";
import { onChannelAxis } from "./conv.ts";
import { isZero, readBias, readWeights, scaled, withParameters } from "./linear-operator.ts";
import type { LinearOperator } from "./linear-operator.ts";

/** Weights [in, out / group, …kernel], channels on axis 1 of input and output. */
export const convTranspose: LinearOperator = {
  absorbAfter(node, affine, view) {
    const weights = readWeights(node.inputs[1], view);
    const [inputs = 0, perGroup = 0] = weights?.dims ?? [];
    const group = intAttribute(node, "group", 1);
    const bias = readBias(node.inputs[2], perGroup * group, view);
    const factors = onChannelAxis(affine, perGroup * group);
    if (weights === null || bias === null || factors === null) return null;
    const { scale, shift } = factors;
    const kernel = elementCount(weights.dims.slice(2));
    const values = scaled(weights, (index) => {
      const place = Math.floor(index / kernel);
      const ofGroup = Math.floor(Math.floor(place / perGroup) / (inputs / group));
      return scale[ofGroup * perGroup + (place % perGroup)] ?? 1;
    });
    return withParameters(node, view, { ...weights, values }, bias.map((value, channel) => value * (scale[channel] ?? 1) + (shift[channel] ?? 0)));
  },

  /** A factor alone: how often an input meets each output differs at the border, and with it what a shift would add. */
  absorbBefore(node, affine, view) {
    const weights = readWeights(node.inputs[1], view);
    const [inputs = 0, perGroup = 0] = weights?.dims ?? [];
    const bias = readBias(node.inputs[2], perGroup * intAttribute(node, "group", 1), view);
    const factors = onChannelAxis(affine, inputs);
    if (weights === null || bias === null || factors === null || !isZero(factors.shift)) return null;
    const perInput = elementCount(weights.dims.slice(1));
    return withParameters(node, view, { ...weights, values: scaled(weights, (index) => factors.scale[Math.floor(index / perInput)] ?? 1) }, bias);
  },
};
