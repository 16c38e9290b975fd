export type PruningRefusalCode =
  /** No channel can be removed alone. */
  | "nothing_to_prune"
  /** The share is less than a block of any group. */
  | "share_too_small"
  /** The model cannot be run, so nothing could be checked. */
  | "not_runnable"
  /** The result does not compute what it should; a fault of this package. */
  | "unsound_result";

/** An expected refusal to prune. `reason` is a sentence or two for people. */
export class PruningRefusal extends Error {
  readonly code: PruningRefusalCode;
  readonly reason: string;

  constructor(code: PruningRefusalCode, reason: string) {
    super(reason);
    this.name = "PruningRefusal";
    this.code = code;
    this.reason = reason;
  }
}
