import type { OnnxNode } from "@flotilla/runtime/ir";
import { elementCount, intAttribute, intsAttribute, stringAttribute } from "@flotilla/runtime/ir";
import { perChannel } from "../channel-affine.ts";
import type { ChannelAffine } from "../channel-affine.ts";
import { isZero, readBias, readWeights, scaled, withParameters } from "./linear-operator.ts";
import type { LinearOperator } from "./linear-operator.ts";

/** Weights [out, in / group, …kernel], channels on axis 1 of input and output. */
export const conv: LinearOperator = {
  absorbAfter(node, affine, view) {
    const weights = readWeights(node.inputs[1], view);
    const channels = weights?.dims[0] ?? 0;
    const bias = readBias(node.inputs[2], channels, view);
    const factors = onChannelAxis(affine, channels);
    if (weights === null || bias === null || factors === null) return null;
    const { scale, shift } = factors;
    const perOutput = elementCount(weights.dims.slice(1));
    const values = scaled(weights, (index) => scale[Math.floor(index / perOutput)] ?? 1);
    return withParameters(node, view, { ...weights, values }, bias.map((value, channel) => value * (scale[channel] ?? 1) + (shift[channel] ?? 0)));
  },

  absorbBefore(node, affine, view) {
    const weights = readWeights(node.inputs[1], view);
    const [outputs = 0, perGroup = 0] = weights?.dims ?? [];
    const group = intAttribute(node, "group", 1);
    const bias = readBias(node.inputs[2], outputs, view);
    const factors = onChannelAxis(affine, perGroup * group);
    if (weights === null || bias === null || factors === null) return null;
    // Where the kernel meets padding it sees 0, not the shift.
    if (!isZero(factors.shift) && !isUnpadded(node)) return null;
    const kernel = elementCount(weights.dims.slice(2));
    const inputChannel = (index: number) => {
      const output = Math.floor(index / (perGroup * kernel));
      return Math.floor(output / (outputs / group)) * perGroup + (Math.floor(index / kernel) % perGroup);
    };
    const moved = Float64Array.from(bias);
    for (const [index, value] of weights.values.entries()) {
      const output = Math.floor(index / (perGroup * kernel));
      moved[output] = (moved[output] ?? 0) + value * (factors.shift[inputChannel(index)] ?? 0);
    }
    return withParameters(node, view, { ...weights, values: scaled(weights, (index) => factors.scale[inputChannel(index)] ?? 1) }, moved);
  },
};

/** The factors of each channel, if they lie along axis 1. */
export function onChannelAxis(affine: ChannelAffine, channels: number): { scale: Float64Array; shift: Float64Array } | null {
  if (affine.axis !== null && affine.axis !== 1) return null;
  const scale = perChannel(affine.scale, channels);
  const shift = perChannel(affine.shift, channels);
  return scale === null || shift === null ? null : { scale, shift };
}

function isUnpadded(node: OnnxNode): boolean {
  const auto = stringAttribute(node, "auto_pad", "NOTSET");
  return auto === "VALID" || (auto === "NOTSET" && (intsAttribute(node, "pads") ?? []).every((pad) => pad === 0));
}
