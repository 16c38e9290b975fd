import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute } from "@flotilla/runtime/ir";

/** Operators that draw random numbers. */
export const RANDOM_OPERATORS: ReadonlySet<string> = new Set([
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Multinomial",
  "Bernoulli",
]);

/** Whether the node gives the same outputs for the same inputs. Dropout in training mode is told by its third input: taken to be random. */
export function isDeterministic(node: OnnxNode): boolean {
  const isTraining = (node.opType === "Dropout" && node.inputs.length > 2) || intAttribute(node, "training_mode", 0) !== 0;
  return !RANDOM_OPERATORS.has(node.opType) && !isTraining;
}
