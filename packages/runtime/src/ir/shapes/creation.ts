import { attribute } from "../attributes.ts";
import { DATA_TYPES } from "../../onnx-fields.ts";
import { constantNodeValue } from "../graph-index.ts";
import { tensorNumbers } from "../tensor-numbers.ts";
import type { NodeView, Rule, Rules } from "./node-view.ts";
import type { Dim } from "./value.ts";
import { constantValue, followedMax, NUMBERS_MAX, UNKNOWN, value } from "./value.ts";

// Operators that make tensors from shapes, ranges and types.

function typeNamed(code: number): string {
  return DATA_TYPES.get(code)?.name ?? "undefined";
}

const constant: Rule = (view) => {
  const tensor = constantNodeValue(view.node);
  return [tensor === null ? UNKNOWN : constantValue(tensor)];
};

const constantOfShape: Rule = (view) => {
  const fill = attribute(view.node, "value");
  const tensor = fill?.type === "tensor" ? fill.value : null;
  const dims = view.input(0).numbers;
  const rank = view.shape(0)?.[0];
  const shape = dims ?? (typeof rank === "number" ? Array.from({ length: rank }, () => null) : null);
  const count = dims?.reduce<number>((product, dim) => (typeof dim === "number" ? product * dim : Number.NaN), 1) ?? Number.NaN;
  const type = tensor?.elementType ?? "float32";
  const element = tensor === null ? 0 : (tensorNumbers(tensor)[0] ?? 0);
  return [value(type, shape, count <= followedMax(type) ? Array.from({ length: count }, () => element) : null)];
};

const range: Rule = (view) => {
  const start = view.numbers(0)?.[0];
  const limit = view.numbers(1)?.[0];
  const step = view.numbers(2)?.[0];
  if (start === undefined || limit === undefined || step === undefined || step === 0) return [value(view.type(0), [null])];
  const count = Math.max(0, Math.ceil((limit - start) / step));
  const isWhole = view.type(0) === "int64" || view.type(0) === "int32";
  const numbers = isWhole && count <= NUMBERS_MAX ? Array.from({ length: count }, (_, index) => start + index * step) : null;
  return [value(view.type(0), [isWhole ? count : null], numbers)];
};

const CAST_NUMBERS: ReadonlySet<string> = new Set(["int64", "int32", "float32", "float64"]);

function castNumber(number: Dim, type: string): Dim {
  if (typeof number !== "number") return number;
  if (type === "float64") return number;
  if (type === "float32") return Math.fround(number);
  const whole = Math.trunc(number);
  return Number.isSafeInteger(whole) && (type === "int64" || Math.abs(whole) < 2 ** 31) ? whole : null;
}

function castTo(view: NodeView, type: string): ReturnType<Rule> {
  if (type === view.type(0)) return [view.input(0)];
  const numbers = CAST_NUMBERS.has(type) ? (view.input(0).numbers?.map((number) => castNumber(number, type)) ?? null) : null;
  return [value(type, view.shape(0), numbers)];
}

const cast: Rule = (view) => castTo(view, typeNamed(view.int("to", 0)));
const castLike: Rule = (view) => castTo(view, view.type(1));

const eyeLike: Rule = (view) => [value(view.hasAttribute("dtype") ? typeNamed(view.int("dtype", 0)) : view.type(0), view.shape(0))];

const random: Rule = (view) => [value(typeNamed(view.int("dtype", 1)), view.ints("shape"))];
const randomLike: Rule = eyeLike;

export const CREATION: Rules = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  Cast: cast,
  CastLike: castLike,
  EyeLike: eyeLike,
  RandomNormal: random,
  RandomUniform: random,
  RandomNormalLike: randomLike,
  RandomUniformLike: randomLike,
};
