import type { Goal, Technique, VariantReport } from "@flotilla/fleet";
import type { OnnxModel } from "@flotilla/runtime/ir";
import type { DatasetExamples } from "../examples/dataset-examples.ts";

export type MakeContext = {
  /** Of the calibration split; null without a dataset. */
  examples: Pick<DatasetExamples, "count" | "read"> | null;
  /** Of the validation split, for techniques that look for something; null where there is none. */
  validation: Pick<DatasetExamples, "count" | "read"> | null;
  /** Private and empty. */
  workDir: string;
  seed: number;
  /** What the candidate must keep: for techniques that look for it. */
  goal: Goal;
  /** Spent on measuring one model (MEASURE_BUDGET_MS). */
  measureBudgetMs: number;
  /** A line for the job's log. */
  tell(line: string): void;
};

export type Made = {
  model: OnnxModel; passes: VariantReport["passes"]; fusion: VariantReport["fusion"]; warnings: string[];
  /** What the weights allow where sums have 16 bits, and whether emulating the model would say what examples make of it. Left out where `fusion` tells. */
  saturation?: { bound: NonNullable<VariantReport["saturation"]>; isEmulated: boolean };
};

/** Makes a candidate of a model, which stays as it is. Throws `TechniqueRefusal`, or an engine's own refusal with a `reason`. */
export type Maker<T extends Technique> = (model: OnnxModel, technique: T, context: MakeContext) => Promise<Made>;

/** Why a technique has nothing to offer for a model, as a sentence for people. */
export class TechniqueRefusal extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = "TechniqueRefusal";
    this.reason = reason;
  }
}
