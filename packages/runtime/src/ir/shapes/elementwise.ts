import { combine } from "./elements.ts";
import type { NodeView, Rule, Rules } from "./node-view.ts";
import type { Dim } from "./value.ts";
import { broadcast, value } from "./value.ts";

// Operators that work element by element, with broadcasting.

/** One input, same type and shape out. */
export const sameAsInput: Rule = (view) => [value(view.type(0), view.shape(0))];

type Arithmetic = (elements: readonly number[]) => number;

/** Rounds to what the element type holds; null where the result would leave it. */
function fitting(type: string, result: number): Dim {
  switch (type) {
    case "float32":
      return Math.fround(result);
    case "float64":
      return result;
    case "int64":
      return Number.isSafeInteger(result) ? result : null;
    case "int32":
      return Number.isInteger(result) && Math.abs(result) < 2 ** 31 ? result : null;
    default:
      return null;
  }
}

const INTEGERS: ReadonlySet<string> = new Set(["int64", "int32"]);

/** Broadcasts all inputs and follows their elements; `neutral` keeps a named element when the other one changes nothing. */
function arithmetic(operation: (type: string) => Arithmetic, neutral?: (elements: readonly Dim[]) => Dim | undefined): Rule {
  return (view) => {
    const type = view.type(0);
    const compute = operation(type);
    const numbers = combine(view.inputs, (elements) => {
      if (elements.every((element) => typeof element === "number")) return fitting(type, compute(elements as readonly number[]));
      return neutral?.(elements) ?? null;
    });
    return [value(type, broadcastInputs(view), numbers)];
  };
}

function broadcastInputs(view: NodeView): Dim[] | null {
  return broadcast(view.inputs.map(({ shape }) => shape));
}

/** Broadcasts and gives another type, with elements where both are known numbers. */
function comparison(compare: (a: number, b: number) => boolean): Rule {
  return (view) => {
    const numbers = combine(view.inputs, ([a, b]) => (typeof a === "number" && typeof b === "number" ? Number(compare(a, b)) : null));
    return [value("bool", broadcastInputs(view), numbers)];
  };
}

function unaryArithmetic(operation: (type: string) => (element: number) => number): Rule {
  return arithmetic((type) => ([element = 0]) => operation(type)(element));
}

const broadcastOnly: Rule = (view) => [value(view.type(0), broadcastInputs(view))];

function other(elements: readonly Dim[], neutral: number, mayStandFirst: boolean): Dim | undefined {
  const [a = null, b = null] = elements;
  if (b === neutral) return a;
  return mayStandFirst && a === neutral ? b : undefined;
}

/** Integer division of ONNX Runtime cuts towards zero; by zero it is undefined. */
function divide(type: string): Arithmetic {
  return ([a = 0, b = 0]) => (INTEGERS.has(type) ? (b === 0 ? Number.NaN : Math.trunc(a / b)) : a / b);
}

function floorModulo([a = 0, b = 0]: readonly number[]): number {
  return b === 0 ? Number.NaN : a - Math.floor(a / b) * b;
}

const where: Rule = (view) => {
  const numbers = combine(view.inputs, ([condition = null, yes = null, no = null]) => {
    if (yes === no) return yes;
    return typeof condition === "number" ? (condition === 0 ? no : yes) : null;
  });
  return [value(view.type(1), broadcastInputs(view), numbers)];
};

const dropout: Rule = (view) => [value(view.type(0), view.shape(0)), value(view.opset >= 10 ? "bool" : view.type(0), view.shape(0))];

const identity: Rule = (view) => [view.input(0)];

/** The result has the shape of the first input; slopes are broadcast to it only. */
const prelu: Rule = sameAsInput;

const booleanOfInput: Rule = (view) => [value("bool", view.shape(0))];

const not: Rule = (view) => [value("bool", view.shape(0), view.input(0).numbers?.map((element) => (typeof element === "number" ? 1 - element : null)) ?? null)];

const SAME = `Relu LeakyRelu Sigmoid Tanh Exp Log Erf Elu Selu Celu Softplus Softsign HardSigmoid HardSwish Gelu Mish Swish ThresholdedRelu
  Clip Softmax LogSoftmax Hardmax LRN Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Sign Reciprocal CumSum Shrink
  Round BitwiseNot LpNormalization MeanVarianceNormalization Trilu ReverseSequence Bernoulli
  ImageScaler Affine ScaledTanh ParametricSoftplus`.split(/\s+/);

const BROADCAST = "And Or Xor BitShift BitwiseAnd BitwiseOr BitwiseXor Mean Pow".split(" ");

export const ELEMENTWISE: Rules = {
  ...Object.fromEntries(SAME.map((name) => [name, sameAsInput])),
  ...Object.fromEntries(BROADCAST.map((name) => [name, broadcastOnly])),
  Add: arithmetic(() => ([a = 0, b = 0]) => a + b, (elements) => other(elements, 0, true)),
  Sub: arithmetic(() => ([a = 0, b = 0]) => a - b, (elements) => other(elements, 0, false)),
  Mul: arithmetic(() => ([a = 0, b = 0]) => a * b, (elements) => other(elements, 1, true)),
  Div: arithmetic(divide, (elements) => other(elements, 1, false)),
  Mod: (view) => (view.int("fmod", 0) === 0 ? arithmetic(() => floorModulo)(view) : broadcastOnly(view)),
  Max: arithmetic(() => (elements) => Math.max(...elements)),
  Min: arithmetic(() => (elements) => Math.min(...elements)),
  Sum: arithmetic(() => (elements) => elements.reduce((sum, element) => Math.fround(sum + element), 0)),
  Neg: unaryArithmetic(() => (element) => -element),
  Abs: unaryArithmetic(() => Math.abs),
  Floor: unaryArithmetic(() => Math.floor),
  Ceil: unaryArithmetic(() => Math.ceil),
  Sqrt: unaryArithmetic(() => Math.sqrt),
  Equal: comparison((a, b) => a === b),
  Greater: comparison((a, b) => a > b),
  Less: comparison((a, b) => a < b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  LessOrEqual: comparison((a, b) => a <= b),
  Where: where,
  Identity: identity,
  Dropout: dropout,
  PRelu: prelu,
  Not: not,
  IsNaN: booleanOfInput,
  IsInf: booleanOfInput,
};

/** com.microsoft */
export const MICROSOFT_ELEMENTWISE: Rules = {
  ...Object.fromEntries("Gelu FastGelu QuickGelu".split(" ").map((name) => [name, sameAsInput])),
  BiasGelu: broadcastOnly,
};
