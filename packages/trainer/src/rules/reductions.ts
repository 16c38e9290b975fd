import { intAttribute, intsAttribute } from "@flotilla/runtime/ir";
import { elementsIn } from "../autodiff/graph-math.ts";
import { frontAxis, ofOne, type Rule, type RuleContext } from "./rule.ts";

type Reduced = RuleContext & { readonly x: string; readonly y: string };

/** The axes that were reduced, from an input (opset 13/18) or an attribute; all where none are named. */
function axesOf({ node, inputs, x, dims, constant }: Reduced): number[] {
  const said = constant(inputs[1]) ?? intsAttribute(node, "axes") ?? [];
  const rank = dims(x).length;
  if (said.length > 0) return said.map((axis) => frontAxis(axis, rank));
  return intAttribute(node, "noop_with_empty_axes", 0) === 1 ? [] : dims(x).map((_, axis) => axis);
}

/** A value of the reduced shape, with 1 where an axis was. */
function kept(context: Reduced, value: string): string {
  const axes = axesOf(context);
  return context.math.reshape(value, context.dims(context.x).map((dim, axis) => (axes.includes(axis) ? 1 : dim)));
}

const sizeOf = (context: Reduced): number => elementsIn(axesOf(context).map((axis) => context.dims(context.x)[axis] ?? 1));
const spread = (context: Reduced, value: string): string => context.math.expand(value, context.dims(context.x));

/** The gradient goes to the extreme one, in equal parts where several are. */
const extreme: Rule = ofOne((context) => {
  const { math, gradient, x, y } = context;
  const isIt = math.cast(math.compare("Equal", x, kept(context, y)), math.builder.typeOf(x).elementType);
  return math.multiply(isIt, math.divide(kept(context, gradient), math.sum(isIt, axesOf(context), true)));
});

const spatialMean: Rule = ofOne(({ math, gradient, x, dims }) => math.expand(math.scale(gradient, 1 / elementsIn(dims(x).slice(2))), dims(x)));

export const REDUCTIONS: Readonly<Record<string, Rule>> = {
  ReduceSum: ofOne((context) => spread(context, kept(context, context.gradient))),
  ReduceMean: ofOne((context) => spread(context, context.math.scale(kept(context, context.gradient), 1 / sizeOf(context)))),
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceSumSquare: ofOne((context) => context.math.multiply(context.math.scale(context.x, 2), kept(context, context.gradient))),
  ReduceL2: ofOne((context) => context.math.multiply(context.x, context.math.divide(kept(context, context.gradient), kept(context, context.y)))),
  ReduceL1: ofOne((context) => context.math.multiply(context.math.unary("Sign", context.x), kept(context, context.gradient))),
  GlobalAveragePool: spatialMean,
  GlobalMaxPool: ofOne((context) => {
    const { math, gradient, x, y, dims } = context;
    const axes = dims(x).map((_, axis) => axis).slice(2);
    const isIt = math.cast(math.compare("Equal", x, y), math.builder.typeOf(x).elementType);
    return math.multiply(isIt, math.divide(gradient, math.sum(isIt, axes, true)));
  }),
};
