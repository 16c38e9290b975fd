import { ofOne, unsupported, type Rule } from "./rule.ts";

/** d(a+b) = da + db; each term gets the gradient, summed over what it was repeated for. */
const addition: Rule = ({ math, inputs, gradient, needs }) => inputs.map((input, i) => (needs(i) ? math.unbroadcast(gradient, input) : null));

const subtraction: Rule = ({ math, inputs: [a = "", b = ""], gradient, needs }) => [
  needs(0) ? math.unbroadcast(gradient, a) : null,
  needs(1) ? math.negate(math.unbroadcast(gradient, b)) : null,
];

const product: Rule = ({ math, inputs: [a = "", b = ""], gradient, needs }) => [
  needs(0) ? math.unbroadcast(math.multiply(gradient, b), a) : null,
  needs(1) ? math.unbroadcast(math.multiply(gradient, a), b) : null,
];

/** d(a/b) = da/b − (a/b)·db/b */
const quotient: Rule = ({ math, inputs: [a = "", b = ""], outputs: [y = ""], gradient, needs }) => {
  const ofA = math.divide(gradient, b);
  return [needs(0) ? math.unbroadcast(ofA, a) : null, needs(1) ? math.negate(math.unbroadcast(math.multiply(ofA, y), b)) : null];
};

/** d(xᵖ) = p·xᵖ⁻¹ for a fixed exponent. */
const power: Rule = ({ math, node, inputs: [x = "", exponent], gradient, constant, needs }) => {
  const [p, ...more] = constant(exponent) ?? [];
  if (p === undefined || more.length > 0 || needs(1)) throw unsupported(node, "an exponent that is not one fixed number");
  const slope = p === 2 ? math.scale(x, 2) : math.scale(math.power(x, math.constant(p - 1, x)), p);
  return [math.unbroadcast(math.multiply(gradient, slope), x)];
};

/** The larger (smaller) one gets the gradient; the first one where they are equal. */
function choice(comparison: "GreaterOrEqual" | "LessOrEqual"): Rule {
  return ({ math, node, inputs, gradient, needs }) => {
    const [a = "", b] = inputs;
    if (inputs.length === 1) return [gradient];
    if (b === undefined || inputs.length > 2) throw unsupported(node, "more than two inputs");
    const isFirst = math.compare(comparison, a, b);
    const zero = math.constant(0, gradient);
    return [needs(0) ? math.unbroadcast(math.where(isFirst, gradient, zero), a) : null, needs(1) ? math.unbroadcast(math.where(isFirst, zero, gradient), b) : null];
  };
}

const selection: Rule = ({ math, inputs: [condition = "", yes = "", no = ""], gradient, needs }) => {
  const zero = math.constant(0, gradient);
  return [null, needs(1) ? math.unbroadcast(math.where(condition, gradient, zero), yes) : null, needs(2) ? math.unbroadcast(math.where(condition, zero, gradient), no) : null];
};

const averaged: Rule = ({ math, inputs, gradient, needs }) => inputs.map((input, i) => (needs(i) ? math.unbroadcast(math.scale(gradient, 1 / inputs.length), input) : null));

export const ARITHMETIC: Readonly<Record<string, Rule>> = {
  Add: addition,
  Sum: addition,
  Mean: averaged,
  Sub: subtraction,
  Mul: product,
  Div: quotient,
  Pow: power,
  Max: choice("GreaterOrEqual"),
  Min: choice("LessOrEqual"),
  Where: selection,
  Neg: ofOne(({ math, gradient }) => math.negate(gradient)),
  Abs: ofOne(({ math, gradient, x }) => math.multiply(gradient, math.unary("Sign", x))),
  Exp: ofOne(({ math, gradient, y }) => math.multiply(gradient, y)),
  Log: ofOne(({ math, gradient, x }) => math.divide(gradient, x)),
  Sqrt: ofOne(({ math, gradient, y }) => math.scale(math.divide(gradient, y), 0.5)),
  Reciprocal: ofOne(({ math, gradient, y }) => math.negate(math.multiply(gradient, math.multiply(y, y)))),
  Sin: ofOne(({ math, gradient, x }) => math.multiply(gradient, math.unary("Cos", x))),
  Cos: ofOne(({ math, gradient, x }) => math.negate(math.multiply(gradient, math.unary("Sin", x)))),
  Cast: ofOne(({ math, gradient, x }) => math.cast(gradient, math.builder.typeOf(x).elementType)),
};
