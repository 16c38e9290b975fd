import type { DimensionOverrides, Tensors } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";

/** One edit in words: the node it stands at and what became of it. */
export type PassChange = { readonly node: string; readonly what: string };

/** What passes and their verification may know beside the model. */
export type PassContext = {
  /** Inputs of real use, tried beside the random ones when a result is verified. */
  readonly examples?: readonly Tensors[];
  /** Sizes to try symbolic dimensions with. The model keeps its symbols. */
  readonly dimensions?: DimensionOverrides;
  /** Random inputs per verification. Default 8. */
  readonly verifyRuns?: number;
  /** Default 1. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** A line about what just happened, for the log of the job. */
  readonly onProgress?: (line: string) => void;
};

/**
 * How far outputs may move: "bit-equal" not at all, "rounding" by the last places of the element type (an algebraic rewrite), "lossy"
 * by as much as the evaluation finds acceptable.
 */
export type Exactness = "bit-equal" | "rounding" | "lossy";

/** A rewrite of models. Stateless: everything it may know comes in. */
export type Pass = {
  /** Stable, kebab-case: the key in recipes and reports. */
  readonly name: string;
  readonly title: string;
  /** Why this pass has nothing to do here, null where it may have. */
  readonly appliesTo: (model: OnnxModel, context: PassContext) => string | null;
  /** Edits `model` in place and says what it edited; an empty list means that nothing changed. */
  readonly run: (model: OnnxModel, context: PassContext) => PassChange[] | Promise<PassChange[]>;
  readonly expectedEffect: string;
  readonly exactness: Exactness;
};
