import { intAttribute } from "@flotilla/runtime/ir";
import type { PreparedModel } from "../prepare/prepared-model.ts";
import type { Loss } from "../losses/loss.ts";

/** The value that the loss is taken of: what stands in front of the Softmax or Sigmoid at the end, where the loss does that itself. */
export function answerOf(prepared: PreparedModel, { absorbs }: Loss): string {
  const [output = ""] = prepared.outputs;
  const last = prepared.nodes.find((node) => node.outputs.includes(output));
  if (last === undefined || absorbs === null || last.opType !== absorbs || last.domain !== "") return output;
  const rank = prepared.types.get(output)?.dims.length ?? 0;
  const axis = intAttribute(last, "axis", -1);
  const isOfClasses = absorbs === "Sigmoid" || (rank === 2 && (axis === -1 || axis === 1));
  return isOfClasses ? (last.inputs[0] ?? output) : output;
}
