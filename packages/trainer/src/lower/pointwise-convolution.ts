import type { ForwardForm } from "../rules/rule.ts";
import { channelMajor, channelRows } from "./channel-major.ts";

/** A convolution of 1 × 1 over values that lie channel by channel: one product for all examples. */
export const pointwiseConvolution: ForwardForm = ({ math, inputs: [x = "", weight = "", bias = ""], outputs: [y = ""], dims }) => {
  const [filters = 1, channels = 1] = dims(weight);
  const order = channelMajor(dims(y).length);
  const product = math.matrixProduct(math.reshape(weight, [filters, channels]), channelRows(math, x), { bias: bias === "" ? "" : math.reshape(bias, [filters, 1]) });
  math.transposeAs(y, math.reshape(product, order.map((axis) => dims(y)[axis] ?? 1)), order);
  return {};
};
