import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "@flotilla/runtime/ir";
import { floats, makeNode, rawTensor } from "@flotilla/runtime/ir";

/**
 * The two models that fit roundings, run by ONNX Runtime: its matrix products and vector functions take the time, and one run makes many
 * steps. Sizes are symbolic, so both serve every layer: R rows, G groups, K deep, N columns, S steps of B rows.
 */

const OPSET = 17;

type Shape = readonly (number | string)[];

function value(name: string, elementType: string, shape: Shape): OnnxValueInfo {
  const dimensions = shape.map((dim) => (typeof dim === "number" ? ({ kind: "value", value: dim, denotation: "" } as const) : ({ kind: "param", param: dim, denotation: "" } as const)));
  return { name, type: { kind: "tensor", elementType, shape: dimensions, denotation: "" }, docString: "", metadata: [], unknownFields: [] };
}

const float = (name: string, ...shape: (number | string)[]) => value(name, "float32", shape);

function graph(name: string, inputs: OnnxValueInfo[], outputs: OnnxValueInfo[], nodes: OnnxNode[], initializers: OnnxTensor[] = []): OnnxGraph {
  return { name, nodes, initializers, sparseInitializers: [], inputs, outputs, valueInfos: [], docString: "", metadata: [], unknownFields: [] };
}

function model(main: OnnxGraph): OnnxModel {
  return {
    irVersion: 8,
    producerName: "",
    producerVersion: "",
    domain: "",
    modelVersion: 0n,
    docString: "",
    opsets: [{ domain: "", version: OPSET }],
    metadata: [],
    functions: [],
    unknownFields: [],
    graph: main,
  };
}

const WEIGHTS: Shape = ["G", "K", "N"];
const SAMPLE = [float("x", "R", "G", "K"), float("y", "R", "G", "N"), float("bias", "G", 1, "N"), float("low"), float("high")];

/** Groups in front, as matrix products want them. */
const groupsFirst = (from: string, to: string) => makeNode("Transpose", [from], [to], { perm: { ints: [1, 0, 2] } });

/** pre = x · w + bias, out = what the activation leaves of it, error = out − y. */
function errorNodes(weights: string): OnnxNode[] {
  return [
    makeNode("MatMul", ["xg", weights], ["product"]),
    makeNode("Add", ["product", "bias"], ["pre"]),
    makeNode("Clip", ["pre", "low", "high"], ["out"]),
    makeNode("Sub", ["out", "yg"], ["error"]),
  ];
}

/** Sum over all rows and columns of the squared error of a layer with the weights `w`. */
export function errorModel(): OnnxModel {
  const nodes = [groupsFirst("x", "xg"), groupsFirst("y", "yg"), ...errorNodes("w"), makeNode("ReduceSumSquare", ["error"], ["sum"], { keepdims: { int: 0 } })];
  return model(graph("error", [...SAMPLE, value("w", "float32", WEIGHTS)], [float("sum")], nodes));
}

/** Numbers of one step, in the order of the columns of `schedule`. */
export const SCHEDULE = ["penalty", "exponent", "rate", "unbias"] as const;

/**
 * `steps` steps of Adam (Kingma and Ba, 2015; decays 0.9 and 0.999) on the variables V of AdaRound (Nagel et al., 2020, equations 21 to 25):
 * w = (floor + h(V)) · scale, h(V) = clip(1.2 σ(V) − 0.1, 0, 1). Step i sees the rows `batches[i]`; `gain` multiplies the gradient of the
 * squared error, `schedule` gives each step −2 λ β, β − 1, the rate with Adam's first correction, and its second correction.
 */
export function stepModel(): OnnxModel {
  const state = ["v", "first", "second"];
  const inputs = [
    ...SAMPLE,
    ...["floor", ...state].map((name) => value(name, "float32", WEIGHTS)),
    float("scale", "G", 1, "N"),
    float("gain"),
    value("batches", "int32", ["S", "B"]),
    float("schedule", "S", SCHEDULE.length),
    value("steps", "int64", []),
  ];
  const outputs = state.map((name) => value(`${name}_out`, "float32", WEIGHTS));
  const loop = makeNode("Loop", ["steps", "", ...state], outputs.map(({ name }) => name), { body: { graph: stepBody() } });
  const constants = { stretch: 1.2, margin: 0.1, zero: 0, one: 1, two: 2, tiny: 1e-6, epsilon: 1e-8, keep1: 0.9, add1: 0.1, keep2: 0.999, add2: 0.001 };
  const initializers = Object.entries(constants).map(([name, number]) => floats(name, [], [number]));
  const positions = SCHEDULE.map((name, position) => rawTensor(`${name}_at`, "int64", [], new Uint8Array(BigInt64Array.of(BigInt(position)).buffer)));
  return model(graph("steps", inputs, outputs, [loop], [...initializers, ...positions]));
}

function stepBody(): OnnxGraph {
  const nodes = [
    makeNode("Identity", ["go"], ["goes_on"]),
    makeNode("Gather", ["batches", "step"], ["batch"]),
    makeNode("Gather", ["schedule", "step"], ["now"]),
    ...SCHEDULE.map((name) => makeNode("Gather", ["now", `${name}_at`], [name])),
    makeNode("Gather", ["x", "batch"], ["xb"]),
    makeNode("Gather", ["y", "batch"], ["yb"]),
    groupsFirst("xb", "xg"),
    groupsFirst("yb", "yg"),
    ...roundingNodes(),
    makeNode("Add", ["floor", "h"], ["level"]),
    makeNode("Mul", ["level", "scale"], ["w"]),
    ...errorNodes("w"),
    ...gradientNodes(),
    ...adamNodes(),
  ];
  const state = ["v", "first", "second"];
  const body = [value("step", "int64", []), value("go", "bool", []), ...state.map((name) => value(`${name}_in`, "float32", WEIGHTS))];
  return graph("step", body, [value("goes_on", "bool", []), ...state.map((name) => value(`${name}_next`, "float32", WEIGHTS))], nodes);
}

/** h(V). */
function roundingNodes(): OnnxNode[] {
  return [
    makeNode("Sigmoid", ["v_in"], ["sigma"]),
    makeNode("Mul", ["sigma", "stretch"], ["stretched"]),
    makeNode("Sub", ["stretched", "margin"], ["h_free"]),
    makeNode("Clip", ["h_free", "zero", "one"], ["h"]),
  ];
}

/** d loss / dV. Where a clip cut something, its gradient is 0. */
function gradientNodes(): OnnxNode[] {
  return [
    makeNode("Equal", ["pre", "out"], ["passes"]),
    makeNode("Cast", ["passes"], ["passing"], { to: { int: 1 } }),
    makeNode("Mul", ["error", "passing"], ["error_pre"]),
    makeNode("Mul", ["error_pre", "gain"], ["error_gain"]),
    makeNode("Transpose", ["xg"], ["xt"], { perm: { ints: [0, 2, 1] } }),
    makeNode("MatMul", ["xt", "error_gain"], ["w_gradient"]),
    makeNode("Mul", ["w_gradient", "scale"], ["h_error_gradient"]),
    // d (1 − |2h − 1|^β) / dh = −2 β |2h − 1|^(β − 1) sign(2h − 1); a power by exponential and logarithm, which are vector functions.
    makeNode("Mul", ["h", "two"], ["h_twice"]),
    makeNode("Sub", ["h_twice", "one"], ["centred"]),
    makeNode("Abs", ["centred"], ["distance"]),
    makeNode("Max", ["distance", "tiny"], ["distance_positive"]),
    makeNode("Log", ["distance_positive"], ["distance_log"]),
    makeNode("Mul", ["distance_log", "exponent"], ["power_log"]),
    makeNode("Exp", ["power_log"], ["power"]),
    makeNode("Sign", ["centred"], ["side"]),
    makeNode("Mul", ["power", "side"], ["power_signed"]),
    makeNode("Mul", ["power_signed", "penalty"], ["h_penalty_gradient"]),
    makeNode("Add", ["h_error_gradient", "h_penalty_gradient"], ["h_gradient"]),
    makeNode("Equal", ["h", "h_free"], ["moves"]),
    makeNode("Cast", ["moves"], ["moving"], { to: { int: 1 } }),
    makeNode("Sub", ["one", "sigma"], ["sigma_rest"]),
    makeNode("Mul", ["stretched", "sigma_rest"], ["slope"]),
    makeNode("Mul", ["slope", "moving"], ["slope_moving"]),
    makeNode("Mul", ["h_gradient", "slope_moving"], ["gradient"]),
  ];
}

function adamNodes(): OnnxNode[] {
  return [
    makeNode("Mul", ["first_in", "keep1"], ["first_kept"]),
    makeNode("Mul", ["gradient", "add1"], ["first_added"]),
    makeNode("Add", ["first_kept", "first_added"], ["first_next"]),
    makeNode("Mul", ["gradient", "gradient"], ["gradient_squared"]),
    makeNode("Mul", ["second_in", "keep2"], ["second_kept"]),
    makeNode("Mul", ["gradient_squared", "add2"], ["second_added"]),
    makeNode("Add", ["second_kept", "second_added"], ["second_next"]),
    makeNode("Sqrt", ["second_next"], ["deviation"]),
    makeNode("Mul", ["deviation", "unbias"], ["deviation_unbiased"]),
    makeNode("Add", ["deviation_unbiased", "epsilon"], ["divisor"]),
    makeNode("Mul", ["first_next", "rate"], ["step_up"]),
    makeNode("Div", ["step_up", "divisor"], ["move"]),
    makeNode("Sub", ["v_in", "move"], ["v_next"]),
  ];
}
