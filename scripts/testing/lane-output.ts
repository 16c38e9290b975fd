/** Where a stage's words go. */
export type Write = (chunk: Buffer | string) => void;

/**
 * Two things run at once, and a person reads one after the other: what the lane in front prints shows at once, what the others print is
 * kept until they come to the front.
 */
export class LaneOutput {
  readonly #kept: (Buffer | string)[] = [];
  readonly #show: Write;
  #isInFront: boolean;

  constructor(show: Write, isInFront: boolean) {
    this.#show = show;
    this.#isInFront = isInFront;
  }

  readonly write: Write = (chunk) => {
    if (this.#isInFront) this.#show(chunk);
    else this.#kept.push(chunk);
  };

  /** Shows what was kept, and from now on everything at once. */
  toFront(): void {
    this.#isInFront = true;
    for (const chunk of this.#kept.splice(0)) this.#show(chunk);
  }
}
