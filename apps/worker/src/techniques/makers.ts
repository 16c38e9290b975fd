import type { Technique } from "@flotilla/fleet";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { TechniqueRefusal, type Made, type MakeContext, type Maker } from "./maker.ts";
import { makeSimplified } from "./simplified.ts";

type Makers = { readonly [K in Technique["kind"]]: Maker<Extract<Technique, { kind: K }>> | null };

/** Who makes what. Null: this version of the product knows the technique's name only. */
const makers: Makers = {
  simplify: makeSimplified,
  static_int8: null,
  dynamic_int8: null,
  fp16_storage: null,
  weight_blocks: null,
  channel_pruning: null,
  magnitude_pruning: null,
  mixed_precision: null,
};

/** Makes the candidate of a technique. */
export function makeCandidate(model: OnnxModel, technique: Technique, context: MakeContext): Promise<Made> {
  // The table pairs each kind with its maker; TypeScript cannot follow the pair through a variable.
  const maker = makers[technique.kind] as Maker<Technique> | null;
  if (maker === null) return Promise.reject(new TechniqueRefusal("This version of the product cannot make it yet."));
  return maker(model, technique, context);
}
