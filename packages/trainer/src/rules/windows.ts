import { intAttribute, intsAttribute, stringAttribute, type OnnxNode } from "@flotilla/runtime/ir";

/** How a convolution or pool moves over its input, one number per spatial axis. */
export type Windows = {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly group: number;
};

/** Paddings that `auto_pad` leaves to be worked out are worked out from the shapes (ONNX, "Conv"). */
export function windowsOf(node: OnnxNode, spatialIn: readonly number[], spatialOut: readonly number[], kernel: readonly number[]): Windows {
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? kernel.map(() => 1);
  const pads = intsAttribute(node, "pads") ?? [...kernel, ...kernel].map(() => 0);
  const group = intAttribute(node, "group", 1);
  const auto = stringAttribute(node, "auto_pad", "NOTSET");
  if (auto === "NOTSET" || auto === "") return { kernel, strides, dilations, group, before: pads.slice(0, kernel.length), after: pads.slice(kernel.length) };
  const totals = kernel.map((size, i) => (auto === "VALID" ? 0 : Math.max(0, ((spatialOut[i] ?? 1) - 1) * (strides[i] ?? 1) + (size - 1) * (dilations[i] ?? 1) + 1 - (spatialIn[i] ?? 1))));
  const before = totals.map((total) => (auto === "SAME_LOWER" ? Math.ceil(total / 2) : Math.floor(total / 2)));
  return { kernel, strides, dilations, group, before, after: totals.map((total, i) => total - (before[i] ?? 0)) };
}

/** A convolution that works on each place by itself. */
export const isPointwise = ({ kernel, strides, before, after, group }: Windows): boolean => group === 1 && [...kernel, ...strides].every((n) => n === 1) && [...before, ...after].every((n) => n === 0);
/** A convolution that works on each channel by itself, with one kernel for each. */
export const isDepthwise = ({ group }: Windows, shape: readonly number[], kernel: readonly number[]): boolean => group > 1 && kernel[1] === 1 && kernel[0] === shape[1];

/** What a transposed convolution over the output needs at its end to be as large as the input was. */
export function outputPadding({ kernel, strides, dilations, before, after }: Windows, spatialIn: readonly number[], spatialOut: readonly number[]): number[] {
  return kernel.map((size, i) => (spatialIn[i] ?? 0) - (((spatialOut[i] ?? 1) - 1) * (strides[i] ?? 1) + (size - 1) * (dilations[i] ?? 1) + 1 - (before[i] ?? 0) - (after[i] ?? 0)));
}

/** As attributes of Conv and ConvTranspose. */
export function attributesOf({ strides, dilations, before, after, group }: Windows) {
  return { strides: { ints: strides }, dilations: { ints: dilations }, pads: { ints: [...before, ...after] }, group: { int: group } };
}
