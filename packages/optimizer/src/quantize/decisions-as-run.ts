import type { OnnxModel } from "@flotilla/runtime/ir";
import type { TargetClass } from "../fusion/predict.ts";
import { predictFusion } from "../fusion/predict.ts";
import type { NodeDecision } from "./placement.ts";

/**
 * What was decided for each node of the float model, corrected by what ONNX Runtime will do with the quantised one: it carries quantisers
 * past operators that only move values, so that some run on integers that nobody placed there, and takes a Relu out that a quantiser behind it repeats.
 */
export function decisionsAsRun(decisions: readonly NodeDecision[], quantised: OnnxModel, target: TargetClass): NodeDecision[] {
  const predictions = new Map(predictFusion(quantised, target).map((prediction) => [prediction.node, prediction]));
  return decisions.map((decision): NodeDecision => {
    const prediction = predictions.get(decision.node);
    if (prediction === undefined || prediction.state === decision.state || prediction.state === "removed") return decision;
    const reason = prediction.state === "float" ? prediction.reason : null;
    return { node: decision.node, opType: decision.opType, state: prediction.state, reason };
  });
}
