export type QuantisationRefusalCode =
  /** The source of examples is empty. */
  | "no_examples"
  /** Nothing in the model has an integer kernel that pays. */
  | "nothing_to_quantise"
  /** The model is quantised already. */
  | "already_quantised"
  /** The written model breaks a rule; a fault of this package. */
  | "unsound_result";

/** An expected refusal to quantise. `reason` is a sentence or two for people. */
export class QuantisationRefusal extends Error {
  readonly code: QuantisationRefusalCode;
  readonly reason: string;

  constructor(code: QuantisationRefusalCode, reason: string) {
    super(reason);
    this.name = "QuantisationRefusal";
    this.code = code;
    this.reason = reason;
  }
}
