export type SearchRefusalCode =
  /** No part of the model would run on integers. */
  | "nothing_to_search"
  /** The source of labelled examples is empty. */
  | "no_examples";

/** An expected refusal to search. `reason` is a sentence or two for people. */
export class SearchRefusal extends Error {
  readonly code: SearchRefusalCode;
  readonly reason: string;

  constructor(code: SearchRefusalCode, reason: string) {
    super(reason);
    this.name = "SearchRefusal";
    this.code = code;
    this.reason = reason;
  }
}
