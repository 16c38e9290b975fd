import type { Tensors } from "@flotilla/runtime";
import { seededRandom } from "@flotilla/runtime";
import type { AttributeInput, OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { floats, int32s, int8s, makeNode, scalarFloat, uint8s } from "@flotilla/runtime/ir";
import { smallModel, value } from "./small-graphs.ts";

/** A random quantised operator: uint8 in, DQ → operator → Q, uint8 out (or float, without the Q). */
export type IntegerCase = { readonly title: string; readonly model: OnnxModel; readonly feeds: Tensors };

type Random = {
  whole(low: number, high: number): number;
  real(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(values: readonly [T, ...T[]]): T;
};

function randomFrom(seed: number): Random {
  const next = seededRandom(seed);
  const whole = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    whole,
    real: (low, high) => low + next() * (high - low),
    chance: (probability) => next() < probability,
    pick: (values) => values[whole(0, values.length - 1)] ?? values[0],
  };
}

type Operator = {
  readonly title: string;
  readonly node: (inputs: readonly string[]) => OnnxNode;
  readonly inputShape: readonly number[];
  readonly weightShape: readonly number[];
  readonly channels: number;
  readonly channelAxis: number;
  /** Products per sum. */
  readonly depth: number;
  readonly takesBias: boolean;
  readonly outputRank: number;
  readonly isFloat: boolean;
};

export type OperatorName = "Conv" | "Gemm" | "MatMul";

const MORE = Number(process.env["FLOTILLA_EMULATION_CASES"] ?? 1);

/** Cases per operator that give more than 10,000 outputs; FLOTILLA_EMULATION_CASES multiplies them for a run by hand. */
export const INTEGER_CASES: Readonly<Record<OperatorName, number>> = { Conv: 50 * MORE, Gemm: 40 * MORE, MatMul: 40 * MORE };

export function integerCase(operator: OperatorName, seed: number): IntegerCase {
  const random = randomFrom(seed);
  return caseOf({ Conv: convolution, Gemm: gemm, MatMul: matMul }[operator](random), random);
}

function convolution(random: Random): Operator {
  const rank = random.pick([1, 2, 2]);
  const style = random.pick(["plain", "grouped", "depthwise"]);
  const groups = style === "plain" ? 1 : random.whole(2, 5);
  const inGroup = style === "depthwise" ? 1 : random.whole(1, 7);
  const outGroup = style === "depthwise" ? 1 : random.whole(1, 6);
  const kernel = Array.from({ length: rank }, () => random.whole(1, 4));
  const dilations = kernel.map(() => random.whole(1, 2));
  const pads = [...kernel, ...kernel].map((size) => random.whole(0, size - 1));
  const spatial = kernel.map((size, axis) => (size - 1) * (dilations[axis] ?? 1) + 1 + random.whole(0, 16));
  const strides = kernel.map(() => random.whole(1, 3));
  const attributes: Record<string, AttributeInput> = { dilations: { ints: dilations }, strides: { ints: strides }, group: { int: groups } };
  if (random.chance(0.8)) attributes["pads"] = { ints: pads };
  else attributes["auto_pad"] = { string: random.pick(["SAME_UPPER", "SAME_LOWER", "VALID"]) };
  if (random.chance(0.5)) attributes["kernel_shape"] = { ints: kernel };
  // The reference operator knows no dilation together with SAME padding.
  if ("auto_pad" in attributes) attributes["dilations"] = { ints: kernel.map(() => 1) };
  return {
    title: `${rank}-D ${style} convolution ${kernel.join("×")}, stride ${strides.join()}, dilation ${dilations.join()}`,
    node: (inputs) => makeNode("Conv", inputs, ["product"], attributes, { name: "target" }),
    inputShape: [random.whole(1, 2), groups * inGroup, ...spatial],
    weightShape: [groups * outGroup, inGroup, ...kernel],
    channels: groups * outGroup,
    channelAxis: 0,
    depth: inGroup * kernel.reduce((all, size) => all * size, 1),
    takesBias: true,
    outputRank: rank + 2,
    isFloat: false,
  };
}

function gemm(random: Random): Operator {
  const [rows, depth, columns] = [random.whole(1, 40), random.whole(1, 90), random.whole(1, 40)];
  const isTransposed = random.chance(0.5);
  return {
    title: `Gemm ${rows}×${depth}×${columns}${isTransposed ? ", transposed" : ""}`,
    node: (inputs) => makeNode("Gemm", inputs, ["product"], { transB: { int: isTransposed ? 1 : 0 } }, { name: "target" }),
    inputShape: [rows, depth],
    weightShape: isTransposed ? [columns, depth] : [depth, columns],
    channels: columns,
    channelAxis: isTransposed ? 0 : 1,
    depth,
    takesBias: true,
    outputRank: 2,
    isFloat: random.chance(0.3),
  };
}

function matMul(random: Random): Operator {
  const [depth, columns] = [random.whole(1, 90), random.whole(1, 40)];
  const leading = Array.from({ length: random.whole(1, 3) }, () => random.whole(1, 8));
  return {
    title: `MatMul ${[...leading, depth].join("×")} by ${depth}×${columns}`,
    node: (inputs) => makeNode("MatMul", inputs, ["product"], {}, { name: "target" }),
    inputShape: [...leading, depth],
    weightShape: [depth, columns],
    channels: columns,
    channelAxis: 1,
    depth,
    takesBias: false,
    outputRank: leading.length + 1,
    isFloat: random.chance(0.3),
  };
}

function caseOf(operator: Operator, random: Random): IntegerCase {
  const { channels, depth } = operator;
  const isSigned = random.chance(0.75);
  const perChannel = isSigned && random.chance(0.6);
  const inputScale = Math.fround(random.real(0.002, 0.1));
  const scales = Array.from({ length: perChannel ? channels : 1 }, () => Math.fround(random.real(0.001, 0.02)));
  const meanScale = scales.reduce((sum, scale) => sum + scale, 0) / scales.length;
  const outputScale = Math.fround(inputScale * meanScale * Math.sqrt(depth) * random.real(60, 200));
  const count = operator.weightShape.reduce((all, dim) => all * dim, 1);
  const weights = Array.from({ length: count }, () => (isSigned ? random.whole(-128, 127) : random.whole(0, 255)));
  const hasBias = operator.takesBias && random.chance(0.7);
  const zero = (name: string, type: "uint8" | "int8", value: number, length?: number): OnnxTensor =>
    (type === "uint8" ? uint8s : int8s)(name, length === undefined ? [] : [length], new Array<number>(length ?? 1).fill(value));
  const scaleDims = perChannel ? [channels] : [];
  const weightZero = isSigned ? 0 : random.whole(100, 156);
  const initializers: OnnxTensor[] = [
    (isSigned ? int8s : uint8s)("w", operator.weightShape, weights),
    floats("w_scale", scaleDims, scales),
    zero("w_zero", isSigned ? "int8" : "uint8", weightZero, perChannel ? channels : undefined),
    scalarFloat("x_scale", inputScale),
    zero("x_zero", "uint8", random.whole(0, 255)),
    scalarFloat("y_scale", outputScale),
    zero("y_zero", "uint8", random.pick([0, 128, random.whole(0, 255)])),
  ];
  const nodes: OnnxNode[] = [
    makeNode("DequantizeLinear", ["x", "x_scale", "x_zero"], ["x_real"], {}, { name: "x_dq" }),
    makeNode("DequantizeLinear", ["w", "w_scale", "w_zero"], ["w_real"], perChannel ? { axis: { int: operator.channelAxis } } : {}, { name: "w_dq" }),
  ];
  if (hasBias) {
    const values = Array.from({ length: channels }, () => random.whole(-20_000, 20_000));
    initializers.push(int32s("b", [channels], values), floats("b_scale", scaleDims, scales.map((scale) => Math.fround(inputScale * scale))));
    initializers.push(int32s("b_zero", scaleDims, new Array<number>(perChannel ? channels : 1).fill(0)));
    nodes.push(makeNode("DequantizeLinear", ["b", "b_scale", "b_zero"], ["b_real"], perChannel ? { axis: { int: 0 } } : {}, { name: "b_dq" }));
  }
  nodes.push(operator.node(hasBias ? ["x_real", "w_real", "b_real"] : ["x_real", "w_real"]));
  if (!operator.isFloat) nodes.push(makeNode("QuantizeLinear", ["product", "y_scale", "y_zero"], ["y"], {}, { name: "y_q" }));
  const output = operator.isFloat ? "product" : "y";
  const shape = Array.from({ length: operator.outputRank }, (_, axis) => `d${axis}`);
  const model = smallModel({
    opset: 17,
    inputs: [value("x", operator.inputShape, "uint8")],
    outputs: [value(output, shape, operator.isFloat ? "float32" : "uint8")],
    initializers: operator.isFloat ? initializers.filter(({ name }) => !name.startsWith("y_")) : initializers,
    nodes,
  });
  const elements = operator.inputShape.reduce((all, dim) => all * dim, 1);
  const feeds: Tensors = { x: { elementType: "uint8", shape: operator.inputShape, data: Uint8Array.from({ length: elements }, () => random.whole(0, 255)) } };
  const title = `${operator.title}; ${perChannel ? "per channel" : "per tensor"}, ${isSigned ? "int8" : "uint8"} weights${hasBias ? ", bias" : ""}${operator.isFloat ? ", float output" : ""}`;
  return { title, model, feeds };
}
