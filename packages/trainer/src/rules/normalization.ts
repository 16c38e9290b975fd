import { floatAttribute, intAttribute } from "@flotilla/runtime/ir";
import { elementsIn, type GraphMath } from "../autodiff/graph-math.ts";
import { examplesOf, inChannelRows } from "../lower/channel-major.ts";
import { frontAxis, ofOne, type Rule } from "./rule.ts";

const EPSILON = 1e-5;

/**
 * dx of x̂ = (x − mean)/σ over `axes`, given the gradient of x̂: (g − mean(g) − x̂·mean(g·x̂))/σ
 * (Ioffe and Szegedy 2015, section 3, with the sums collected).
 */
function throughStandardizing(math: GraphMath, gradient: string, normal: string, inverse: string, axes: readonly number[]): string {
  const centred = math.subtract(gradient, math.mean(gradient, axes, true));
  const along = math.multiply(normal, math.mean(math.multiply(gradient, normal), axes, true));
  return math.multiply(inverse, math.subtract(centred, along));
}

const perChannel = (shape: readonly number[]): number[] => [1, shape[1] ?? 1, ...shape.slice(2).map(() => 1)];
const allButChannel = (shape: readonly number[]): number[] => shape.map((_, axis) => axis).filter((axis) => axis !== 1);

/** x·scale + shift, with numbers for each channel, in one pass: as a norm by mean 0 and variance 1. */
function scaledAndShifted(math: GraphMath, x: string, scale: string, shift: string): string {
  const rows = inChannelRows(math, x);
  const [mean, variance] = [0, 1].map((value) => math.filled(value, math.dims(scale), scale));
  const changed = math.emit("BatchNormalization", [rows, scale, shift, mean ?? "", variance ?? ""], math.dims(rows), { epsilon: { float: 0 } });
  return rows === x ? changed : examplesOf(math, changed, math.dims(x));
}

/** With the batch's statistics (`saved`), or, without, with fixed ones: an affine map. */
const batchNorm: Rule = ({ math, node, inputs: [x = "", scale = "", , mean = "", variance = ""], saved, gradient, dims, needs }) => {
  const shape = dims(x);
  const [each, axes] = [perChannel(shape), allButChannel(shape)];
  const inverse = math.inverseRoot(saved["variance"] ?? variance, floatAttribute(node, "epsilon", EPSILON));
  const normal = () => math.multiply(math.subtract(x, math.reshape(saved["mean"] ?? mean, each)), math.reshape(inverse, each));
  const ofScale = needs(1) ? math.sum(math.multiply(gradient, normal()), axes) : null;
  const ofBias = needs(2) ? math.sum(gradient, axes) : null;
  if (!needs(0)) return [null, ofScale, ofBias];
  if (saved["mean"] === undefined) return [math.multiply(gradient, math.reshape(math.multiply(inverse, scale), each)), ofScale, ofBias];
  // g·a + (x·b + c), with one number per channel each: three passes over the pixels instead of seven.
  const count = elementsIn(shape) / (shape[1] ?? 1);
  const sumG = math.sum(gradient, axes);
  const sumGN = math.multiply(inverse, math.subtract(math.sum(math.multiply(gradient, x), axes), math.multiply(saved["mean"], sumG)));
  const a = math.multiply(scale, inverse);
  const b = math.scale(math.multiply(math.multiply(a, inverse), sumGN), -1 / count);
  const c = math.subtract(math.scale(math.multiply(a, sumG), -1 / count), math.multiply(b, saved["mean"]));
  const ofX = math.add(math.multiply(gradient, math.reshape(a, each)), scaledAndShifted(math, x, b, c));
  return [ofX, needs(1) ? sumGN : null, needs(2) ? sumG : null];
};

/** Over the last axes (Ba, Kiros and Hinton 2016). */
const layerNorm: Rule = ({ math, node, inputs: [x = "", scale = "", bias = ""], saved: { mean = "", inverse = "" }, gradient, dims, needs }) => {
  const shape = dims(x);
  const from = frontAxis(intAttribute(node, "axis", -1), shape.length);
  const axes = shape.map((_, axis) => axis).filter((axis) => axis >= from);
  const normal = math.multiply(math.subtract(x, mean), inverse);
  return [
    needs(0) ? throughStandardizing(math, math.multiply(gradient, scale), normal, inverse, axes) : null,
    needs(1) ? math.unbroadcast(math.multiply(gradient, normal), scale) : null,
    bias !== "" && needs(2) ? math.unbroadcast(gradient, bias) : null,
  ];
};

/** Over the pixels of each channel of each example (Ulyanov, Vedaldi and Lempitsky 2016). */
const instanceNorm: Rule = ({ math, node, inputs: [x = "", scale = ""], gradient, dims, needs }) => {
  const shape = dims(x);
  const axes = shape.map((_, axis) => axis).slice(2);
  const centred = math.subtract(x, math.mean(x, axes, true));
  const inverse = math.inverseRoot(math.mean(math.multiply(centred, centred), axes, true), floatAttribute(node, "epsilon", EPSILON));
  const normal = math.multiply(centred, inverse);
  return [
    needs(0) ? throughStandardizing(math, math.multiply(gradient, math.reshape(scale, perChannel(shape))), normal, inverse, axes) : null,
    needs(1) ? math.sum(math.multiply(gradient, normal), allButChannel(shape)) : null,
    needs(2) ? math.sum(gradient, allButChannel(shape)) : null,
  ];
};

export const NORMALIZATIONS: Readonly<Record<string, Rule>> = {
  BatchNormalization: batchNorm,
  LayerNormalization: layerNorm,
  InstanceNormalization: instanceNorm,
  /** y·(g − Σ y·g) */
  Softmax: ofOne(({ math, node, gradient, y, dims }) => {
    const axis = frontAxis(intAttribute(node, "axis", -1), dims(y).length);
    const weighted = math.multiply(y, gradient);
    return math.subtract(weighted, math.multiply(y, math.sum(weighted, [axis], true)));
  }),
  /** g − eʸ·Σ g */
  LogSoftmax: ofOne(({ math, node, gradient, y, dims }) => {
    const axis = frontAxis(intAttribute(node, "axis", -1), dims(y).length);
    return math.subtract(gradient, math.multiply(math.unary("Exp", y), math.sum(gradient, [axis], true)));
  }),
};
