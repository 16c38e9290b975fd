import type { KerasValue } from "../emit/keras-value.ts";
import { field, type Json } from "../config-reader.ts";
import { KerasRefusal, quoted } from "../keras-refusal.ts";
import { axisIn, axisOf, elementwise, layoutOf } from "./layouts.ts";
import { channelsOf, nameOf, onlyInput, takeWeights, transposed, type LayerConverter, type LayerUse } from "./layer-use.ts";

type Activation = (use: LayerUse, value: KerasValue) => KerasValue;

const operator = (opType: string): Activation => (use, value) => elementwise(use, value, opType);

/** `keras.activations`, in the form of opset 18. */
const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map<string, Activation>([
  ["linear", (_, value) => value],
  ["relu", operator("Relu")],
  ["relu6", (use, value) => clipped(use, value, 0, 6)],
  ["sigmoid", operator("Sigmoid")],
  ["tanh", operator("Tanh")],
  ["softplus", operator("Softplus")],
  ["softsign", operator("Softsign")],
  ["exponential", operator("Exp")],
  ["selu", operator("Selu")],
  ["mish", operator("Mish")],
  ["elu", (use, value) => elementwise(use, value, "Elu", { alpha: { float: 1 } })],
  ["leaky_relu", (use, value) => elementwise(use, value, "LeakyRelu", { alpha: { float: 0.2 } })],
  ["silu", swish],
  ["swish", swish],
  ["hard_sigmoid", hardSigmoid],
  ["hard_silu", operator("HardSwish")],
  ["hard_swish", operator("HardSwish")],
  ["gelu", gelu],
  ["softmax", (use, value) => softmax(use, value, -1, "Softmax")],
  ["log_softmax", (use, value) => softmax(use, value, -1, "LogSoftmax")],
]);

/** What a layer does at its end, by the option `activation`. Functions that are not Keras' own are refused by name. */
export function activate(use: LayerUse, value: KerasValue, key = "activation"): KerasValue {
  const name = activationName(use, use.config.raw(key));
  const activation = ACTIVATIONS.get(name);
  if (activation === undefined) throw new KerasRefusal("keras_option_unsupported", `${nameOf(use)} has the activation ${quoted(name)}, which is not one of Keras' own or not supported`);
  return activation(use, value);
}

/** The name of an activation; Keras 3 writes objects for functions that it knows under another name. */
export function activationName(use: LayerUse, option: Json): string {
  if (option === null) return "linear";
  if (typeof option === "string") return option;
  const name = field(option, "class_name") === "function" && field(option, "module") === "keras.activations" ? field(option, "config") : field(option, "class_name");
  return typeof name === "string" ? name : use.config.unsupported("activation");
}

function swish(use: LayerUse, value: KerasValue): KerasValue {
  const layout = layoutOf(value);
  const [x, gate] = [use.writer.form(value, layout), use.writer.form(elementwise(use, value, "Sigmoid"), layout)];
  return use.writer.value(value.shape, layout, use.writer.node("Mul", [x, gate]));
}

/** Keras 2: clip(0.2 x + 0.5, 0, 1); Keras 3: clip(x + 3, 0, 6) / 6. */
function hardSigmoid(use: LayerUse, value: KerasValue): KerasValue {
  return elementwise(use, value, "HardSigmoid", { alpha: { float: use.kerasMajor >= 3 ? 1 / 6 : 0.2 }, beta: { float: 0.5 } });
}

/** x/2 (1 + erf(x / √2)); Gelu itself is an operator of opset 20. */
function gelu(use: LayerUse, value: KerasValue): KerasValue {
  const { writer } = use;
  const layout = layoutOf(value);
  const x = writer.form(value, layout);
  const erf = writer.node("Erf", [writer.node("Mul", [x, writer.floats([Math.SQRT1_2])])]);
  const gate = writer.node("Mul", [writer.node("Add", [erf, writer.floats([1])]), writer.floats([0.5])]);
  return writer.value(value.shape, layout, writer.node("Mul", [x, gate]));
}

function clipped(use: LayerUse, value: KerasValue, low: number, high: number): KerasValue {
  return elementwise(use, value, "Clip", {}, [use.writer.floats([low]), use.writer.floats([high])]);
}

function softmax(use: LayerUse, value: KerasValue, axis: number, opType: string): KerasValue {
  const axisInLayout = axisIn(layoutOf(value), axisOf(use, axis, value), value.shape.length + 1);
  return elementwise(use, value, opType, { axis: { int: axisInLayout } });
}

function relu(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const value = onlyInput(use, inputs);
  const slope = use.config.number("negative_slope", 0);
  if (use.config.number("threshold", 0) !== 0) use.config.unsupported("threshold");
  const max = use.config.raw("max_value") === null ? null : use.config.number("max_value");
  if (slope === 0) return max === null ? elementwise(use, value, "Relu") : clipped(use, value, 0, max);
  const leaky = elementwise(use, value, "LeakyRelu", { alpha: { float: slope } });
  return max === null ? leaky : elementwise(use, leaky, "Min", {}, [use.writer.floats([max])]);
}

/** One slope for each element, shared along `shared_axes`. */
function prelu(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const value = onlyInput(use, inputs);
  channelsOf(use, value);
  const shared = use.config.raw("shared_axes") ?? [];
  const isShared = (axis: number): boolean => Array.isArray(shared) && shared.includes(axis + 1);
  const dims = value.shape.map((size, axis) => (isShared(axis) ? 1 : size));
  if (!dims.every((dim) => dim !== null)) return use.config.unsupported("shared_axes");
  const { slopes } = takeWeights(use, { slopes: dims });
  const layout = layoutOf(value);
  if (layout === "last" || dims.length === 1) return elementwise(use, value, "PRelu", {}, [use.writer.parameter("alpha", dims, slopes)]);
  const perm = [dims.length - 1, ...dims.keys()].slice(0, dims.length);
  return elementwise(use, value, "PRelu", {}, [use.writer.parameter("alpha", perm.map((axis) => dims[axis] ?? 1), () => transposed(slopes(), dims, perm))]);
}

/** Layers that are nothing but an activation. */
export const ACTIVATION_LAYERS: Readonly<Record<string, LayerConverter>> = {
  Activation: (use, inputs) => activate(use, onlyInput(use, inputs)),
  ReLU: relu,
  LeakyReLU: (use, inputs) => elementwise(use, onlyInput(use, inputs), "LeakyRelu", { alpha: { float: use.config.number(use.config.has("alpha") ? "alpha" : "negative_slope", 0.3) } }),
  ELU: (use, inputs) => elementwise(use, onlyInput(use, inputs), "Elu", { alpha: { float: use.config.number("alpha", 1) } }),
  PReLU: prelu,
  Softmax: (use, inputs) => softmax(use, onlyInput(use, inputs), use.config.number("axis", -1), "Softmax"),
};
