import type { Technique } from "@flotilla/fleet";
import { blockWeights, dynamicInt8, pruneMagnitude, storeFloat16 } from "@flotilla/optimizer";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { byPass } from "./by-pass.ts";
import { makePruned } from "./channel-pruning.ts";
import { TechniqueRefusal, type Made, type MakeContext, type Maker } from "./maker.ts";
import { makeSimplified } from "./simplified.ts";
import { makeStaticInt8 } from "./static-int8.ts";

type Makers = { readonly [K in Technique["kind"]]: Maker<Extract<Technique, { kind: K }>> | null };

/** Who makes what. Null: this version of the product knows the technique's name only. */
const makers: Makers = {
  simplify: makeSimplified,
  static_int8: makeStaticInt8,
  dynamic_int8: byPass(({ keepFloat }) => dynamicInt8({ keepFloat })),
  fp16_storage: byPass(() => storeFloat16),
  weight_blocks: byPass(({ bits, blockSize, symmetric }) => blockWeights({ bits, blockSize, symmetric })),
  channel_pruning: makePruned,
  magnitude_pruning: byPass(({ sparsity }) => pruneMagnitude({ sparsity })),
  mixed_precision: null,
};

/** Makes the candidate of a technique. */
export function makeCandidate(model: OnnxModel, technique: Technique, context: MakeContext): Promise<Made> {
  // The table pairs each kind with its maker; TypeScript cannot follow the pair through a variable.
  const maker = makers[technique.kind] as Maker<Technique> | null;
  if (maker === null) return Promise.reject(new TechniqueRefusal("this version of the product cannot make it yet"));
  return maker(model, technique, context);
}
