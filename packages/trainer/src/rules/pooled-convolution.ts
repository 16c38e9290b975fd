import { elementsIn, type GraphMath } from "../autodiff/graph-math.ts";
import { POOLED_CONVOLUTIONS, shapesOf } from "../lower/pooled-convolution.ts";
import { whereAboveZero } from "./activations.ts";
import type { Rule, RuleContext } from "./rule.ts";

/** Pixels before channels, and back. */
const [TO_PIXELS, FROM_PIXELS] = [[0, 2, 3, 1], [0, 3, 1, 2]] as const;

/** Of two values that were compared, the larger one gets the gradient; the first one when they are equal. */
function shared(math: GraphMath, first: string, second: string, gradient: string, isTame: boolean): [string, string] {
  const isFirst = math.compare("GreaterOrEqual", first, second);
  // A product is a fifth quicker than a choice.
  const ofFirst = isTame ? math.multiply(gradient, math.cast(isFirst, "float32")) : math.masked(gradient, isFirst);
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
  const corners = [...shared(math, of("z0"), of("z1"), above, isTame), ...shared(math, of("z2"), of("z3"), below, isTame)];
  return [
    needs(0) ? ofInput(context, corners) : null,
    needs(1) ? ofWeight(math, dims(weight), corners, [0, 1, 2, 3].map((i) => of(`columns${i}`))) : null,
    bias !== "" && needs(2) ? math.sum(d, [0]) : null,
  ];
};

function ofWeight(math: GraphMath, kernel: readonly number[], corners: readonly string[], columns: readonly string[]): string {
  const [filters = 1, channels = 1, height = 1, width = 1] = kernel;
  const sum = corners.reduce((before, corner, i) => math.matrixProduct(columns[i] ?? "", corner, { transposesA: true, bias: before }), "");
  return math.transpose(math.reshape(sum, [height, width, channels, filters]), [3, 2, 0, 1]);
}

/** The corners put together to an image again, and that through the transposed convolution. What the pool dropped at the edge has no gradient. */
function ofInput({ math, node, inputs: [x = "", weight = ""], dims }: RuleContext, [z0 = "", z1 = "", z2 = "", z3 = ""]: readonly string[]): string {
  const { n, channels, filters, pooled: [height, width], windows: { kernel, strides, dilations, before } } = shapesOf(node, dims);
  const side = (left: string, right: string): string => math.reshape(math.concat([left, right], 1), [n * height, 2 * width * filters]);
  const image = math.reshape(math.concat([side(z0, z1), side(z2, z3)], 1), [n, 2 * height, 2 * width, filters]);
  const spatial = dims(x).slice(2);
  const reached = [height, width].map((windows, i) => (2 * windows - 1) * (strides[i] ?? 1) + ((kernel[i] ?? 1) - 1) * (dilations[i] ?? 1) + 1);
  const over = reached.map((length, i) => length - (before[i] ?? 0) - (spatial[i] ?? 0));
  const after = over.map((n) => Math.max(0, n));
  const sides = reached.map((length, i) => length - (before[i] ?? 0) - (after[i] ?? 0));
  const back = math.emit("ConvTranspose", [math.transpose(image, FROM_PIXELS), weight], [n, channels, ...sides], { strides: { ints: strides }, dilations: { ints: dilations }, pads: { ints: [...before, ...after] } });
  const missing = over.map((n) => Math.max(0, -n));
  if (!math.isTransposed(x, FROM_PIXELS)) return math.pad(back, [0, 0, 0, 0], [0, 0, ...missing]);
  // Rows of pixels are padded in longer pieces, and the layout is that of the value.
  return math.transpose(math.pad(math.transpose(back, TO_PIXELS), [0, 0, 0, 0], [0, ...missing, 0]), FROM_PIXELS);
}

export const POOLED: Readonly<Record<string, Rule>> = Object.fromEntries(POOLED_CONVOLUTIONS.map((name) => [name, pooledConvolution]));
