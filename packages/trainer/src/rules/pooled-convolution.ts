import { elementsIn, type GraphMath } from "../autodiff/graph-math.ts";
import { areRowsOfTaps, POOLED_CONVOLUTIONS, reached, shapesOf } from "../lower/pooled-convolution.ts";
import { oneFromZero, whereAboveZero } from "./activations.ts";
import type { Rule, RuleContext } from "./rule.ts";

/** Pixels before channels, and back. */
const [TO_PIXELS, FROM_PIXELS] = [[0, 2, 3, 1], [0, 3, 1, 2]] as const;

/** Of two values that were compared, the larger one gets the gradient; the first one when they are equal. */
function shared(math: GraphMath, first: string, second: string, gradient: string, isTame: boolean): [string, string] {
  // A product is a fifth quicker than a choice, and a step function of the difference than a comparison that becomes numbers.
  const ofFirst = isTame ? math.multiply(gradient, oneFromZero(math, math.subtract(first, second))) : math.masked(gradient, math.compare("GreaterOrEqual", first, second));
  return [ofFirst, math.subtract(gradient, ofFirst)];
}

/** The tournament of the forward form, played backwards; then the gradients of the four convolutions. */
const pooledConvolution: Rule = (context) => {
  const { math, node, inputs: [, weight = "", bias = ""], saved, gradient, isTame, needs, dims } = context;
  const { n, filters, pooled } = shapesOf(node, dims);
  const rows = n * elementsIn(pooled);
  const of = (name: string): string => saved[name] ?? "";
  const arriving = math.reshape(math.transpose(gradient, TO_PIXELS), [rows, filters]);
  const isRelu = node.opType === POOLED_CONVOLUTIONS[1];
  const d = isRelu ? whereAboveZero(math, arriving, of("answer"), isTame) : arriving;
  const [above, below] = shared(math, of("upper"), of("lower"), d, isTame);
  const corners = [...shared(math, of("z0"), of("z1"), above, isTame), ...shared(math, of("z2"), of("z3"), below, isTame)] as const;
  const columns = [of("columns0"), of("columns1"), of("columns2"), of("columns3")] as const;
  const isNarrow = 3 * elementsIn(dims(weight).slice(1)) < 2 * filters;
  const terms = needs(0) || !isNarrow ? corners.map((corner, i): Term => [columns[i] ?? "", corner]) : withoutLosers(math, columns, { all: d, above, firsts: [corners[0], corners[2]] });
  return [
    needs(0) ? ofInput(context, corners) : null,
    needs(1) ? ofWeight(math, dims(weight), terms) : null,
    bias !== "" && needs(2) ? math.sum(d, [0]) : null,
  ];
};

/** What the kernel sees, and what is wanted of it. */
type Term = readonly [columns: string, wanted: string];

/**
 * The same sum of products without the gradients of who came second, which are what the others leave: c₀d₀ + c₁(a − d₀) = (c₀ − c₁)d₀ + c₁a. Columns of few channels are smaller than the gradients. Where the input has no
 * gradient, nobody else reads those.
 */
function withoutLosers(math: GraphMath, [c0, c1, c2, c3]: readonly [string, string, string, string], { all, above, firsts: [first, third] }: { all: string; above: string; firsts: readonly [string, string] }): Term[] {
  return [[math.subtract(c0, c1), first], [math.subtract(c2, c3), third], [math.subtract(c1, c3), above], [c3, all]];
}

function ofWeight(math: GraphMath, kernel: readonly number[], terms: readonly Term[]): string {
  const [filters = 1, channels = 1, height = 1, width = 1] = kernel;
  if (areRowsOfTaps(channels)) {
    const sum = terms.reduce((before, [columns, wanted]) => math.matrixProduct(columns, wanted, { bias: before }), "");
    return math.transpose(math.reshape(sum, [height, width, channels, filters]), [3, 2, 0, 1]);
  }
  const sum = terms.reduce((before, [columns, wanted]) => math.matrixProduct(wanted, columns, { transposesA: true, bias: before }), "");
  return math.transpose(math.reshape(sum, [filters, height, width, channels]), [0, 3, 1, 2]);
}

/** The corners put together to an image again, and that through the transposed convolution. What the pool dropped at the edge has no gradient. */
function ofInput({ math, node, inputs: [x = "", weight = ""], dims }: RuleContext, [z0 = "", z1 = "", z2 = "", z3 = ""]: readonly string[]): string {
  const shapes = shapesOf(node, dims);
  const { n, channels, filters, pooled: [height, width], windows: { strides, dilations, before } } = shapes;
  const side = (left: string, right: string): string => math.reshape(math.concat([left, right], 1), [n * height, 2 * width * filters]);
  const image = math.reshape(math.concat([side(z0, z1), side(z2, z3)], 1), [n, 2 * height, 2 * width, filters]);
  const spatial = dims(x).slice(2);
  const lengths = reached(shapes);
  const over = lengths.map((length, i) => length - (before[i] ?? 0) - (spatial[i] ?? 0));
  const after = over.map((n) => Math.max(0, n));
  const sides = lengths.map((length, i) => length - (before[i] ?? 0) - (after[i] ?? 0));
  const back = math.emit("ConvTranspose", [math.transpose(image, FROM_PIXELS), weight], [n, channels, ...sides], { strides: { ints: strides }, dilations: { ints: dilations }, pads: { ints: [...before, ...after] } });
  const missing = over.map((n) => Math.max(0, -n));
  if (!math.isTransposed(x, FROM_PIXELS)) return math.pad(back, [0, 0, 0, 0], [0, 0, ...missing]);
  // Rows of pixels are padded in longer pieces, and the layout is that of the value.
  return math.transpose(math.pad(math.transpose(back, TO_PIXELS), [0, 0, 0, 0], [0, ...missing, 0]), FROM_PIXELS);
}

export const POOLED: Readonly<Record<string, Rule>> = Object.fromEntries(POOLED_CONVOLUTIONS.map((name) => [name, pooledConvolution]));
