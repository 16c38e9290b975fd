import { cloneNode, floatAttribute, intAttribute, makeNode } from "@flotilla/runtime/ir";
import { elementsIn } from "../autodiff/graph-math.ts";
import { float32 } from "../graph/static-type.ts";
import { frontAxis, type ForwardForm } from "../rules/rule.ts";
import { channelMajor, channelsOf, inChannelRows } from "./channel-major.ts";
import { POOLED_CONVOLUTIONS, pooledConvolution } from "./pooled-convolution.ts";

const MOMENTUM = 0.9;
const EPSILON = 1e-5;

/** With its places, which the backward form needs. */
const maxPool: ForwardForm = ({ math, node, inputs: [x = ""], outputs: [y = ""], dims }) => {
  const places = math.builder.freshName("places");
  const withPlaces = cloneNode(node);
  withPlaces.outputs = [y, places];
  math.builder.adopt(withPlaces, [{ elementType: math.builder.typeOf(x).elementType, dims: dims(y) }, { elementType: "int64", dims: dims(y) }]);
  return { places };
};

/**
 * BatchNormalization on the batch's own statistics. At momentum 0 ONNX Runtime answers the batch's mean and (biased) variance in place of the running ones, so
 * one operator gives all that the backward form needs. The running ones move by the unbiased variance, as PyTorch moves them.
 */
const batchNorm: ForwardForm = ({ math, node, inputs: [x = "", scale = "", bias = "", mean = "", variance = ""], outputs: [y = ""], dims }) => {
  const shape = dims(x);
  const channels = shape[1] ?? 1;
  const epsilon = floatAttribute(node, "epsilon", EPSILON);
  const momentum = floatAttribute(node, "momentum", MOMENTUM);
  const [batchMean, batchVariance] = [math.builder.freshName("batch_mean"), math.builder.freshName("batch_variance")];
  const statistics = { elementType: math.builder.typeOf(x).elementType, dims: [channels] };
  // Its kernel writes the new statistics over those it was given, which are read below: it is given others. Not constants: ONNX Runtime makes one of equal ones of at most 8 numbers, and mean and
  // variance of several layers would then be written to one place.
  const [noMean, noVariance] = [mean, variance].map((running) => math.subtract(running, running));
  const rows = inChannelRows(math, x);
  const normal = rows === x ? y : math.builder.freshName("normal");
  math.builder.adopt(makeNode("BatchNormalization", [rows, scale, bias, noMean ?? "", noVariance ?? ""], [normal, batchMean, batchVariance], { training_mode: { int: 1 }, momentum: { float: 0 }, epsilon: { float: epsilon } }), [math.builder.typeOf(rows), statistics, statistics]);
  if (rows !== x) math.transposeAs(y, math.reshape(normal, math.dims(channelsOf(math, x))), channelMajor(shape.length));
  const count = elementsIn(shape) / channels;
  const moved = (running: string, now: string, factor: number): string => math.add(math.scale(running, momentum), math.scale(now, (1 - momentum) * factor));
  return { mean: batchMean, variance: batchVariance, movedMean: moved(mean, batchMean, 1), movedVariance: moved(variance, batchVariance, count / Math.max(1, count - 1)) };
};

const layerNorm: ForwardForm = ({ math, node, inputs: [x = ""], outputs: [y = ""], dims }) => {
  const shape = dims(x);
  const from = frontAxis(intAttribute(node, "axis", -1), shape.length);
  const statistics = { elementType: math.builder.typeOf(x).elementType, dims: shape.map((dim, axis) => (axis >= from ? 1 : dim)) };
  const [mean, inverse] = [math.builder.freshName("mean"), math.builder.freshName("inverse")];
  const withStatistics = cloneNode(node);
  withStatistics.outputs = [y, mean, inverse];
  math.builder.adopt(withStatistics, [math.builder.typeOf(x), statistics, statistics]);
  return { mean, inverse };
};

/** By numbers from 0 to 1 that the step is fed: those of ONNX Runtime's own operator begin anew with each session, and a training that goes on must not drop other values. */
const dropout: ForwardForm = ({ math, inputs: [x = "", ratio], outputs: [y = ""], dims, constant }) => {
  const [share = 0.5] = constant(ratio) ?? [];
  const noise = math.builder.input(math.builder.freshName("noise"), float32(dims(x)));
  const mask = math.compare("GreaterOrEqual", noise, math.constant(share, noise));
  const kept = math.scale(math.masked(x, mask), 1 / (1 - share));
  math.builder.adopt(makeNode("Identity", [kept], [y]), [math.builder.typeOf(x)]);
  return { mask, noise };
};

/** Operators that are written another way where something behind them is learnt. BatchNormalization only where its statistics are the batch's. */
export const FORWARD_FORMS: Readonly<Record<string, ForwardForm>> = { MaxPool: maxPool, BatchNormalization: batchNorm, LayerNormalization: layerNorm, Dropout: dropout, ...Object.fromEntries(POOLED_CONVOLUTIONS.map((name) => [name, pooledConvolution])) };
