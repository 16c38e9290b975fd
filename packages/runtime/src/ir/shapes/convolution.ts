import type { NodeView, Rule, Rules } from "./node-view.ts";
import type { Dim } from "./value.ts";
import { value } from "./value.ts";

// Convolutions and pools: N × C × spatial dimensions. Output sizes after ONNX operators Conv-11, MaxPool-12, AveragePool-19, ConvTranspose-11.

type Window = { readonly kernel: readonly Dim[]; readonly strides: readonly number[]; readonly dilations: readonly number[]; readonly pads: readonly number[]; readonly autoPad: string; readonly ceil: boolean };

function windowOf(view: NodeView, kernel: readonly Dim[]): Window {
  const ones = kernel.map(() => 1);
  return {
    kernel,
    strides: view.ints("strides") ?? ones,
    dilations: view.ints("dilations") ?? ones,
    pads: view.ints("pads") ?? [...ones, ...ones].map(() => 0),
    autoPad: view.string("auto_pad", "NOTSET"),
    ceil: view.int("ceil_mode", 0) !== 0,
  };
}

/** Positions of a window along one axis. A size that the window does not change keeps its name. */
function windowSize(input: Dim, window: Window, axis: number): Dim {
  const stride = window.strides[axis] ?? 1;
  if (window.autoPad.startsWith("SAME")) {
    if (stride === 1) return input;
    return typeof input === "number" ? Math.ceil(input / stride) : null;
  }
  const kernel = window.kernel[axis];
  if (typeof kernel !== "number") return null;
  const head = window.autoPad === "VALID" ? 0 : (window.pads[axis] ?? 0);
  const tail = window.autoPad === "VALID" ? 0 : (window.pads[axis + window.kernel.length] ?? 0);
  const reach = (window.dilations[axis] ?? 1) * (kernel - 1) + 1;
  if (typeof input !== "number") return stride === 1 && head + tail === reach - 1 ? input : null;
  const room = input + head + tail - reach;
  if (room < 0) return null;
  if (!window.ceil) return Math.floor(room / stride) + 1;
  const size = Math.ceil(room / stride) + 1;
  // A window must begin inside the input or its leading padding.
  return (size - 1) * stride >= input + head ? size - 1 : size;
}

function windowSizes(spatial: readonly Dim[], window: Window): Dim[] {
  return spatial.map((size, axis) => windowSize(size, window, axis));
}

/** Shape of a convolution; null when the rank is not known. */
function convShape(view: NodeView, weights: readonly Dim[] | null): Dim[] | null {
  const input = view.shape(0);
  if (input === null || input.length < 2) return null;
  const kernel = view.ints("kernel_shape") ?? weights?.slice(2) ?? input.slice(2).map(() => null);
  if (kernel.length !== input.length - 2) return null;
  return [input[0] ?? null, weights?.[0] ?? null, ...windowSizes(input.slice(2), windowOf(view, kernel))];
}

const conv: Rule = (view) => [value(view.type(0), convShape(view, view.shape(1)))];
const convInteger: Rule = (view) => [value("int32", convShape(view, view.shape(1)))];
/** x, its scale and zero point, then w in input 3; the type is that of the output's zero point. */
const qlinearConv: Rule = (view) => [value(view.type(7), convShape(view, view.shape(3)))];

const convTranspose: Rule = (view) => {
  const input = view.shape(0);
  const weights = view.shape(1);
  if (input === null || input.length < 3) return [value(view.type(0), null)];
  const kernel = view.ints("kernel_shape") ?? weights?.slice(2) ?? input.slice(2).map(() => null);
  const { strides, dilations, pads, autoPad } = windowOf(view, kernel);
  const given = view.ints("output_shape");
  const extra = view.ints("output_padding") ?? [];
  const perGroup = weights?.[1];
  const channels = typeof perGroup === "number" ? perGroup * view.int("group", 1) : null;
  const spatial = input.slice(2).map((size, axis): Dim => {
    if (given !== null) return given[given.length - kernel.length + axis] ?? null;
    const taps = kernel[axis];
    if (typeof size !== "number" || typeof taps !== "number") return null;
    const stride = strides[axis] ?? 1;
    if (autoPad.startsWith("SAME")) return size * stride;
    const pad = autoPad === "VALID" ? 0 : (pads[axis] ?? 0) + (pads[axis + kernel.length] ?? 0);
    return stride * (size - 1) + (extra[axis] ?? 0) + (taps - 1) * (dilations[axis] ?? 1) + 1 - pad;
  });
  return [value(view.type(0), [input[0] ?? null, channels, ...spatial])];
};

function poolShape(view: NodeView): Dim[] | null {
  const input = view.shape(0);
  const kernel = view.ints("kernel_shape");
  if (input === null || kernel === null || kernel.length !== input.length - 2) return null;
  return [input[0] ?? null, input[1] ?? null, ...windowSizes(input.slice(2), windowOf(view, kernel))];
}

const pool: Rule = (view) => [value(view.type(0), poolShape(view))];
const maxPool: Rule = (view) => {
  const shape = poolShape(view);
  return [value(view.type(0), shape), value("int64", shape)];
};

function globalShape(input: readonly Dim[] | null): Dim[] | null {
  return input?.map((dim, axis) => (axis < 2 ? dim : 1)) ?? null;
}

const globalPool: Rule = (view) => [value(view.type(0), globalShape(view.shape(0)))];

/** QLinear pools of com.microsoft: NCHW, or NHWC with `channels_last`. */
function quantizedPool(shapeOf: (view: NodeView) => Dim[] | null): Rule {
  return (view) => [value(view.type(0), view.int("channels_last", 0) === 0 ? shapeOf(view) : null)];
}

export const CONVOLUTION: Rules = {
  Conv: conv,
  ConvInteger: convInteger,
  QLinearConv: qlinearConv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
};

/** com.microsoft */
export const MICROSOFT_CONVOLUTION: Rules = {
  FusedConv: conv,
  QLinearConv: (view) => (view.int("channels_last", 0) === 0 ? qlinearConv(view) : [value(view.type(7), null)]),
  QLinearAveragePool: quantizedPool(poolShape),
  QLinearGlobalAveragePool: quantizedPool((view) => globalShape(view.shape(0))),
};
