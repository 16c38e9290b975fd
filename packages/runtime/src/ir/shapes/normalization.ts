import type { Rule, Rules } from "./node-view.ts";
import { value } from "./value.ts";
import { sameAsInput } from "./elementwise.ts";

/** The further outputs (statistics of training) are vectors of channels. */
const batchNormalization: Rule = (view) => {
  const shape = view.shape(0);
  const channels = [shape?.[1] ?? null];
  return [value(view.type(0), shape), ...view.node.outputs.slice(1).map(() => value(view.type(3), shape === null ? null : channels))];
};

/** Mean and inverse deviation keep the dimensions in front of the axis; their type is that of `stash_type`, float32 as a rule. */
const layerNormalization: Rule = (view) => {
  const shape = view.shape(0);
  const axis = shape === null ? null : view.axis(-1, shape.length);
  const statistics = shape === null || axis === null ? null : shape.map((dim, at) => (at < axis ? dim : 1));
  const type = view.int("stash_type", 1) === 1 ? "float32" : "undefined";
  return [value(view.type(0), shape), value(type, statistics), value(type, statistics)];
};

export const NORMALIZATION: Rules = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: sameAsInput,
  GroupNormalization: sameAsInput,
  LayerNormalization: layerNormalization,
  RMSNormalization: sameAsInput,
};

/** com.microsoft: the first output is the normalised sum. */
export const MICROSOFT_NORMALIZATION: Rules = {
  SkipLayerNormalization: sameAsInput,
  SkipSimplifiedLayerNormalization: sameAsInput,
};
