import { ConfigReader, field, isObject } from "../config-reader.ts";
import type { KerasValue } from "../emit/keras-value.ts";
import { activationName } from "./activations.ts";
import { channelsOf, nameOf, onlyInput, takeWeights, transposed, type LayerConverter, type LayerUse } from "./layer-use.ts";

type Cell = {
  readonly opType: "LSTM" | "GRU" | "RNN";
  /** For each of ONNX' gates, where Keras keeps it: LSTM i, o, f, c from i, f, c, o; GRU z, r, h in both. */
  readonly gates: readonly number[];
  readonly activations: readonly ("recurrent_activation" | "activation")[];
};

const CELLS: Readonly<Record<"LSTM" | "GRU" | "SimpleRNN", Cell>> = {
  LSTM: { opType: "LSTM", gates: [0, 3, 1, 2], activations: ["recurrent_activation", "activation", "activation"] },
  GRU: { opType: "GRU", gates: [0, 1, 2], activations: ["recurrent_activation", "activation"] },
  SimpleRNN: { opType: "RNN", gates: [0], activations: ["activation"] },
};

const ONNX_ACTIVATIONS: ReadonlyMap<string, string> = new Map([
  ["tanh", "Tanh"], ["sigmoid", "Sigmoid"], ["relu", "Relu"], ["hard_sigmoid", "HardSigmoid"], ["linear", "Affine"], ["softsign", "Softsign"], ["softplus", "Softplus"], ["elu", "Elu"],
]);

/** One direction of a recurrent layer: its weights in ONNX' order and the activations of its cell. */
type Direction = { readonly kernel: () => Float32Array; readonly recurrent: () => Float32Array; readonly bias: (() => Float32Array) | null };

function recurrent(kind: keyof typeof CELLS): LayerConverter {
  return (use, inputs) => {
    const input = onlyInput(use, inputs, 2);
    const isReversed = use.config.flag("go_backwards", false);
    const returnsAll = use.config.flag("return_sequences", false);
    if (isReversed && returnsAll) use.config.unsupported("go_backwards");
    const { outputs, units } = writeCell(use, use, CELLS[kind], input, isReversed ? "reverse" : "forward", [use.weights]);
    const { writer } = use;
    if (!returnsAll) return writer.value([units], "last", writer.node("Squeeze", [outputs.last, writer.int64s([0])]));
    // Time, direction, batch, units → batch, time, units.
    const flat = writer.node("Squeeze", [outputs.all, writer.int64s([1])]);
    return writer.value([input.shape[0] ?? null, units], "last", writer.node("Transpose", [flat], { perm: { ints: [1, 0, 2] } }));
  };
}

/** The same layer over time and against it, put side by side. */
function bidirectional(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const input = onlyInput(use, inputs, 2);
  const { config, writer } = use;
  config.oneOf("merge_mode", ["concat"], "concat");
  const inner = config.raw("layer");
  const kind = field(inner, "class_name");
  const backward = config.raw("backward_layer");
  if ((kind !== "LSTM" && kind !== "GRU" && kind !== "SimpleRNN") || (isObject(backward) && field(backward, "class_name") !== kind)) return config.unsupported("layer");
  const layer: LayerUse = { ...use, config: new ConfigReader(field(inner, "config"), nameOf(use)) };
  const returnsAll = layer.config.flag("return_sequences", false);
  if (layer.config.flag("go_backwards", false)) layer.config.unsupported("go_backwards");
  const half = use.weights.length / 2;
  const { outputs, units } = writeCell(use, layer, CELLS[kind], input, "bidirectional", [use.weights.slice(0, half), use.weights.slice(half)]);
  layer.config.refuseUnread();
  if (!returnsAll) {
    const batchFirst = writer.node("Transpose", [outputs.last], { perm: { ints: [1, 0, 2] } });
    return writer.value([2 * units], "last", writer.node("Flatten", [batchFirst], { axis: { int: 1 } }));
  }
  const batchFirst = writer.node("Transpose", [outputs.all], { perm: { ints: [2, 0, 1, 3] } });
  return writer.value([input.shape[0] ?? null, 2 * units], "last", writer.node("Reshape", [batchFirst, writer.int64s([0, 0, 2 * units])]));
}

function writeCell(use: LayerUse, layer: LayerUse, cell: Cell, input: KerasValue, direction: "forward" | "reverse" | "bidirectional", weightsOf: readonly LayerUse["weights"][]) {
  const { config } = layer;
  const [units, features, hasBias, gates] = [config.count("units"), channelsOf(use, input), config.flag("use_bias", true), cell.gates.length];
  const isResetAfter = cell.opType === "GRU" && config.flag("reset_after", false);
  for (const key of ["stateful", "return_state", "time_major"]) if (config.flag(key, false)) config.unsupported(key);
  for (const key of ["dropout", "recurrent_dropout", "use_cudnn", "unit_forget_bias", "zero_output_for_mask"]) config.raw(key);
  const biasDims = isResetAfter ? [2, gates * units] : [gates * units];
  const directions = weightsOf.map((weights): Direction => {
    const taken = takeWeights({ ...layer, weights }, { kernel: [features, gates * units], recurrent_kernel: [units, gates * units], bias: hasBias ? biasDims : null });
    return { kernel: reordered(taken.kernel, features, units, cell), recurrent: reordered(taken.recurrent_kernel, units, units, cell), bias: hasBias ? biases(taken.bias, units, cell) : null };
  });
  const { writer } = use;
  const both = (pick: (one: Direction) => () => Float32Array) => () => joined(directions.map((one) => pick(one)()));
  const count = directions.length;
  const kernel = writer.parameter("kernel", [count, gates * units, features], both((one) => one.kernel));
  const recurrentKernel = writer.parameter("recurrent_kernel", [count, gates * units, units], both((one) => one.recurrent));
  const bias = hasBias ? [writer.parameter("bias", [count, 2 * gates * units], both((one) => one.bias ?? (() => new Float32Array(0))))] : [];
  const time = writer.node("Transpose", [writer.form(input, "last")], { perm: { ints: [1, 0, 2] } });
  const [all = "", last = ""] = writer.nodeOf(cell.opType, [time, kernel, recurrentKernel, ...bias], 2, {
    hidden_size: { int: units }, direction: { string: direction }, ...activationsOf(layer, cell, count), ...(isResetAfter ? { linear_before_reset: { int: 1 } } : {}),
  });
  return { outputs: { all, last }, units };
}

/** Of each gate and direction; HardSigmoid is that of the file's Keras, Affine the identity. */
function activationsOf(layer: LayerUse, { activations }: Cell, directions: number) {
  const names = activations.map((key) => {
    const name = ONNX_ACTIVATIONS.get(activationName(layer, layer.config.raw(key)));
    return name ?? layer.config.unsupported(key);
  });
  const alpha = (name: string): number => (name === "HardSigmoid" ? (layer.kerasMajor >= 3 ? 1 / 6 : 0.2) : 1);
  const each = <T>(pick: (name: string) => T): T[] => Array.from({ length: directions }, () => names.map(pick)).flat();
  const needsNumbers = names.some((name) => name === "HardSigmoid" || name === "Affine" || name === "Elu");
  if (needsNumbers && names.length > 1 && new Set(names).has("Affine")) layer.config.unsupported("activation");
  const numbers = needsNumbers ? { activation_alpha: { floats: each(alpha) }, activation_beta: { floats: each((name) => (name === "HardSigmoid" ? 0.5 : 0)) } } : {};
  return { activations: { strings: each((name) => name) }, ...numbers };
}

/** [rows, gates × units] with Keras' gates → [gates × units, rows] with ONNX'. */
function reordered(values: () => Float32Array, rows: number, units: number, { gates }: Cell): () => Float32Array {
  return () => {
    const turned = transposed(values(), [rows, gates.length * units], [1, 0]);
    return joined(gates.map((gate) => turned.subarray(gate * units * rows, (gate + 1) * units * rows)));
  };
}

/** Keras has one bias, or one for inputs and one for the state; ONNX always two. */
function biases(values: () => Float32Array, units: number, { gates }: Cell): () => Float32Array {
  return () => {
    const read = values();
    const size = gates.length * units;
    const part = (from: number): Float32Array => joined(gates.map((gate) => read.subarray(from + gate * units, from + (gate + 1) * units)));
    return joined([part(0), read.length > size ? part(size) : new Float32Array(size)]);
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export const RECURRENT_LAYERS: Readonly<Record<string, LayerConverter>> = { LSTM: recurrent("LSTM"), GRU: recurrent("GRU"), SimpleRNN: recurrent("SimpleRNN"), Bidirectional: bidirectional };
