import type { Technique } from "@flotilla/fleet";
import { pruneMagnitude, storeFloat16 } from "@flotilla/optimizer";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { byPass } from "./by-pass.ts";
import { makePruned } from "./channel-pruning.ts";
import { makeDynamicInt8 } from "./dynamic-int8.ts";
import type { Made, MakeContext, Maker } from "./maker.ts";
import { makeMixedPrecision } from "./mixed-precision.ts";
import { makeSimplified } from "./simplified.ts";
import { makeStaticInt8 } from "./static-int8.ts";
import { makeWeightBlocks } from "./weight-blocks.ts";

type Makers = { readonly [K in Technique["kind"]]: Maker<Extract<Technique, { kind: K }>> };

/** Who makes what. */
const makers: Makers = {
  simplify: makeSimplified,
  static_int8: makeStaticInt8,
  dynamic_int8: makeDynamicInt8,
  fp16_storage: byPass(() => storeFloat16),
  weight_blocks: makeWeightBlocks,
  channel_pruning: makePruned,
  magnitude_pruning: byPass(({ sparsity }) => pruneMagnitude({ sparsity })),
  mixed_precision: makeMixedPrecision,
};

/** Makes the candidate of a technique. */
export function makeCandidate(model: OnnxModel, technique: Technique, context: MakeContext): Promise<Made> {
  // The table pairs each kind with its maker; TypeScript cannot follow the pair through a variable.
  const maker = makers[technique.kind] as Maker<Technique>;
  return maker(model, technique, context);
}
