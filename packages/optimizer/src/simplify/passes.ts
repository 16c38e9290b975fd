import type { Pass } from "../pass.ts";
import { foldBatchNorm, foldChannelAffine } from "./fold-channel-affine.ts";
import { foldConstants } from "./fold-constants.ts";
import { foldPad } from "./fold-pad.ts";
import { foldShapeArithmetic } from "./fold-shape-arithmetic.ts";
import { splitIntoKernels } from "./integer/split-into-kernels.ts";
import { useKernelOperators } from "./integer/use-kernel-operators.ts";
import { mergeActivations } from "./merge-activations.ts";
import { mergeConstantOperands } from "./merge-constant-operands.ts";
import { mergeShapeNodes } from "./merge-shape-nodes.ts";
import { canonicalForm, constantsToInitializers, initializersOutOfInputs } from "./normalize.ts";
import { plainGemm } from "./plain-gemm.ts";
import { removeDeadCode } from "./remove-dead-code.ts";
import { removeNoOps } from "./remove-no-ops.ts";
import { shareEqualValues } from "./share-equal-values.ts";

/** Once, at the start: later passes count on it. */
export const NORMALISING_PASSES: readonly Pass[] = [initializersOutOfInputs, constantsToInitializers, removeDeadCode, canonicalForm];

/** Round after round until nothing changes, in this order: exact ones first, since they are verified together. */
export const REPEATED_PASSES: readonly Pass[] = [
  foldShapeArithmetic,
  foldConstants,
  removeNoOps,
  mergeShapeNodes,
  mergeActivations,
  shareEqualValues,
  removeDeadCode,
  foldBatchNorm,
  foldChannelAffine,
  plainGemm,
  foldPad,
  useKernelOperators,
  mergeConstantOperands,
];

/** For models that are to be quantised: before the repeated passes, which then simplify what came of it. */
export const INTEGER_PASSES: readonly Pass[] = [splitIntoKernels];
