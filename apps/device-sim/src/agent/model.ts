import type { RuntimeFacts, Tensor, Tensors, TensorSpec } from "@flotilla/runtime";
import type { SlotContent } from "./state.ts";

/** A model as it lies in a slot, with absolute paths for the runtime. */
export type ModelFiles = {
  readonly modelPath: string;
  readonly goldenPath: string;
  readonly content: SlotContent;
};

/** Where the inputs of the device's own inference loop come from. */
export type InputSpec = { readonly kind: "synthetic"; readonly seed: number } | { readonly kind: "folder"; readonly dir: string };

export type ProbeOutcome =
  | { readonly kind: "passed"; readonly loadMs: number; readonly maxAbsError: number }
  | { readonly kind: "refused"; readonly code: "load_failed" | "probe_failed" | "timeout"; readonly detail: string };

/**
 * `load`: the runtime does not take the model. `run`: an inference failed. `input`: the loop's own input could not be read (not the
 * model's fault). `crash`: the process that held the model died.
 */
export type ModelFailureKind = "load" | "run" | "input" | "crash";

export class ModelFailure extends Error {
  readonly kind: ModelFailureKind;

  constructor(kind: ModelFailureKind, detail: string) {
    super(detail);
    this.name = "ModelFailure";
    this.kind = kind;
  }
}

/** How a model's process ended. `guilty`: it was working for this model when it died. */
export type Loss = { readonly guilty: boolean; readonly detail: string };

/** A model in the inference process. Calls reject with `ModelFailure`. */
export type LiveModel = {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly loadMs: number;
  /** Runs on the next input of the source. */
  step(): Promise<{ latencyMs: number }>;
  /** Runs on inputs from outside. */
  infer(feeds: Tensors): Promise<{ outputs: Record<string, Tensor>; latencyMs: number }>;
  /** Settles (once, never rejects) when the process died under the model; stays open after `close`. */
  readonly lost: Promise<Loss>;
  close(): Promise<void>;
};

/** Everything the agent does with models. None of it runs in the agent's own process. */
export type ModelPort = {
  facts(): Promise<RuntimeFacts>;
  /** Loads the model and runs its golden set in a child process of its own, with limits. */
  probe(files: ModelFiles, options: { readonly wallMs: number; readonly signal: AbortSignal }): Promise<ProbeOutcome>;
  /** Loads the model into the long-lived inference process. */
  open(files: ModelFiles, input: InputSpec): Promise<LiveModel>;
  /** Resident memory of the inference process; 0 when none runs. */
  rssBytes(): Promise<number>;
  close(): Promise<void>;
};
