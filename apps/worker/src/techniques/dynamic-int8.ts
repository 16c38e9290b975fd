import type { Technique, VariantReport } from "@flotilla/fleet";
import { dynamicInt8, dynamicSums, type DynamicSums } from "@flotilla/optimizer";
import { byPass } from "./by-pass.ts";
import type { Maker } from "./maker.ts";

type DynamicInt8 = Extract<Technique, { kind: "dynamic_int8" }>;

const makeByPass = byPass<DynamicInt8>(({ keepFloat, reducedRange }) => dynamicInt8({ keepFloat, reducedRange }));

/** Weights in int8, activations quantised at run time; with what the weights allow on CPUs that add in 16 bits. */
export const makeDynamicInt8: Maker<DynamicInt8> = async (model, technique, context) => {
  const made = await makeByPass(model, technique, context);
  const sums = dynamicSums(made.model);
  return { ...made, saturation: { bound: boundOf(sums), isEmulated: sums.isEmulated } };
};

function boundOf({ operators, canSaturate }: DynamicSums): NonNullable<VariantReport["saturation"]> {
  const sentence =
    canSaturate === 0
      ? `No sum of ${operators} integer operators can saturate, whatever the input: x86 CPUs without VNNI give the same answers.`
      : `Sums of ${canSaturate} of ${operators} integer operators can saturate: answers of x86 CPUs without VNNI may differ, and by how much was not predicted. Weights in 7 bits end that. ARM adds in 32 bits and has none of this.`;
  return { saturatedNodes: canSaturate, agreement: null, accuracy: null, sentence, method: "the largest sums that the weights allow, for activations of 8 bits" };
}
