import { intAttribute, intsAttribute } from "@flotilla/runtime/ir";
import { elementsIn } from "../autodiff/graph-math.ts";
import { unsupported, type Rule } from "./rule.ts";
import { outputPadding, windowsOf } from "./windows.ts";

/** The gradient goes to where the largest one stood; the forward form keeps that place (`places`, flat numbers). */
const maxPool: Rule = ({ math, node, inputs: [x = ""], saved: { places = "" }, gradient, dims }) => {
  const shape = dims(x);
  const kernel = intsAttribute(node, "kernel_shape") ?? [];
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const isApart = kernel.every((size, i) => size <= (strides[i] ?? 1));
  const isPadded = (intsAttribute(node, "pads") ?? []).some((pad) => pad > 0);
  if (isApart && !isPadded && shape.length === 4 && math.builder.typeOf(x).elementType === "float32") {
    return [math.emit("MaxUnpool", [gradient, places, math.builder.int64s(shape)], shape, { kernel_shape: { ints: kernel }, strides: { ints: strides } })];
  }
  // Windows that overlap: one input may be the largest of several.
  const count = elementsIn(dims(gradient));
  const all = elementsIn(shape);
  const scattered = math.emit("ScatterND", [math.zeros([all], gradient), math.reshape(places, [count, 1]), math.reshape(gradient, [count])], [all], { reduction: { string: "add" } });
  return [math.reshape(scattered, shape)];
};

/** Each input gets the same share of what its windows gave: a transposed convolution with equal weights. */
const averagePool: Rule = ({ math, node, inputs: [x = ""], gradient, dims }) => {
  const shape = dims(x);
  const kernel = intsAttribute(node, "kernel_shape") ?? [];
  const windows = windowsOf(node, shape.slice(2), dims(gradient).slice(2), kernel);
  const isPadded = [...windows.before, ...windows.after].some((pad) => pad > 0);
  if (intAttribute(node, "ceil_mode", 0) !== 0) throw unsupported(node, "windows that reach over the edge (ceil_mode)");
  const channels = shape[1] ?? 1;
  const attributes = { strides: { ints: windows.strides }, dilations: { ints: windows.dilations }, pads: { ints: [...windows.before, ...windows.after] }, group: { int: channels } };
  const shared = isPadded && intAttribute(node, "count_include_pad", 0) === 0
    // Padding does not count: what each window divides by is counted by pooling ones.
    ? math.divide(gradient, math.emit("Conv", [math.filled(1, [1, 1, ...shape.slice(2)], x), math.filled(1, [1, 1, ...kernel], x)], [1, 1, ...dims(gradient).slice(2)], { ...attributes, group: { int: 1 } }))
    : math.scale(gradient, 1 / elementsIn(kernel));
  return [math.emit("ConvTranspose", [shared, math.filled(1, [channels, 1, ...kernel], x)], shape, { ...attributes, output_padding: { ints: outputPadding(windows, shape.slice(2), dims(gradient).slice(2)) } })];
};

export const POOLS: Readonly<Record<string, Rule>> = { MaxPool: maxPool, AveragePool: averagePool };
