import type { Rule, Rules } from "./node-view.ts";
import { value } from "./value.ts";

// ai.onnx.ml

const regressor: Rule = (view) => [value("float32", [view.shape(0)?.[0] ?? null, view.int("n_targets", 1)])];
const floatOfInput: Rule = (view) => [value("float32", view.shape(0))];

export const CLASSICAL: Rules = {
  TreeEnsembleRegressor: regressor,
  Scaler: floatOfInput,
  Normalizer: floatOfInput,
};
