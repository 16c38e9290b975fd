import type { OnnxModel } from "@flotilla/runtime/ir";
import { buildTemplate } from "@flotilla/trainer";

/** The network that trainings are timed on: the template of 93,322 weights, for digits of 28 × 28. */
export function seedCnn(): OnnxModel {
  return buildTemplate("cnn", "medium", { input: [1, 28, 28], answers: 10, isClassifier: true }, 1);
}
