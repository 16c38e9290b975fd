import { floatAttribute, stringAttribute } from "@flotilla/runtime/ir";
import type { GraphMath } from "../autodiff/graph-math.ts";
import { ofOne, unsupported, type Rule } from "./rule.ts";

/** y·(1 − y) */
function logisticSlope(math: GraphMath, y: string): string {
  return math.multiply(y, math.subtract(math.constant(1, y), y));
}

const isPositive = (math: GraphMath, x: string): string => math.compare("Greater", x, math.constant(0, x));

/** Φ(x) + x·φ(x), with Φ and φ the distribution and density of the standard normal (Hendrycks and Gimpel 2016). */
const gelu = ofOne(({ math, node, gradient, x }) => {
  if (stringAttribute(node, "approximate", "none") !== "none") throw unsupported(node, "the approximation by tanh");
  const distribution = math.scale(math.plus(math.unary("Erf", math.scale(x, Math.SQRT1_2)), 1), 0.5);
  const density = math.scale(math.unary("Exp", math.scale(math.multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return math.multiply(gradient, math.add(distribution, math.multiply(x, density)));
});

/** x·clip(x/6 + ½, 0, 1): slope (2x + 3)/6 between −3 and 3. */
const hardSwish = ofOne(({ math, gradient, x }) => {
  const between = math.multiply(gradient, math.scale(math.plus(math.scale(x, 2), 3), 1 / 6));
  const below = math.compare("Less", x, math.constant(-3, x));
  return math.where(math.compare("Greater", x, math.constant(3, x)), gradient, math.where(below, math.constant(0, x), between));
});

const hardSigmoid = ofOne(({ math, node, gradient, y }) => {
  const isInside = math.both(isPositive(math, y), math.compare("Less", y, math.constant(1, y)));
  return math.scale(math.masked(gradient, isInside), floatAttribute(node, "alpha", 0.2));
});

/** The gradient passes where nothing was cut off. */
const clip: Rule = ({ math, inputs: [x = ""], outputs: [y = ""], gradient }) => [math.masked(gradient, math.compare("Equal", x, y))];

/** Far beyond any value, and its reciprocal below any: from 0 to 1 within 3e-39 of 0. */
const STEEP = 3e38;

/** What of the gradient passes Relu: that where `y` is above zero. As the product with a step function that is two passes; with a comparison, ONNX Runtime takes five. */
export function whereAboveZero(math: GraphMath, gradient: string, y: string, isTame: boolean): string {
  if (!isTame || math.builder.typeOf(y).elementType !== "float32") return math.masked(gradient, isPositive(math, y));
  return math.multiply(math.unary("HardSigmoid", y, { alpha: { float: STEEP }, beta: { float: 0 } }), gradient);
}

/** 1 from zero on, 0 below: a step function in one pass. Only for values that are numbers. */
export const oneFromZero = (math: GraphMath, x: string): string => math.unary("HardSigmoid", x, { alpha: { float: STEEP }, beta: { float: 1 } });

const parametric: Rule = ({ math, inputs: [x = "", slope = ""], gradient, needs }) => {
  const positive = isPositive(math, x);
  return [
    needs(0) ? math.where(positive, gradient, math.multiply(gradient, slope)) : null,
    needs(1) ? math.unbroadcast(math.where(positive, math.constant(0, x), math.multiply(gradient, x)), slope) : null,
  ];
};

export const ACTIVATIONS: Readonly<Record<string, Rule>> = {
  Relu: ofOne(({ math, gradient, y, isTame }) => whereAboveZero(math, gradient, y, isTame)),
  LeakyRelu: ofOne(({ math, node, gradient, x }) => math.where(isPositive(math, x), gradient, math.scale(gradient, floatAttribute(node, "alpha", 0.01)))),
  PRelu: parametric,
  Clip: clip,
  Sigmoid: ofOne(({ math, gradient, y }) => math.multiply(gradient, logisticSlope(math, y))),
  Tanh: ofOne(({ math, gradient, y }) => math.multiply(gradient, math.subtract(math.constant(1, y), math.multiply(y, y)))),
  Softplus: ofOne(({ math, gradient, x }) => math.multiply(gradient, math.unary("Sigmoid", x))),
  /** eˣ − 1 times alpha below zero: its slope is y + alpha there. */
  Elu: ofOne(({ math, node, gradient, x, y }) => math.where(isPositive(math, x), gradient, math.multiply(gradient, math.plus(y, floatAttribute(node, "alpha", 1))))),
  Erf: ofOne(({ math, gradient, x }) => math.multiply(gradient, math.scale(math.unary("Exp", math.negate(math.multiply(x, x))), 2 / Math.sqrt(Math.PI)))),
  Gelu: gelu,
  HardSwish: hardSwish,
  HardSigmoid: hardSigmoid,
};
