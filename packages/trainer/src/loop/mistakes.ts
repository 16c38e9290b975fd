/** An example that the model is surest about and wrong, or farthest from. */
export type WorstExample = { readonly index: number; readonly label: number | null; readonly answer: number; readonly confidence: number; readonly loss: number };

const WORST = 24;

/** Which classes are taken for which, and the worst examples, in bounded memory. */
export class Mistakes {
  readonly #worst: WorstExample[] = [];
  #confusion: number[][] = [];

  /** Row: the class it is; column: the class it was taken for. Empty while none was counted. */
  get confusion(): number[][] {
    return this.#confusion;
  }

  get worst(): WorstExample[] {
    return this.#worst;
  }

  confuse(label: number, said: number, classes: number): void {
    if (this.#confusion.length === 0) this.#confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
    const row = this.#confusion[label];
    if (row !== undefined) row[said] = (row[said] ?? 0) + 1;
  }

  note(example: WorstExample): void {
    if (this.#worst.length === WORST && example.loss <= (this.#worst.at(-1)?.loss ?? 0)) return;
    this.#worst.push(example);
    this.#worst.sort((a, b) => b.loss - a.loss);
    if (this.#worst.length > WORST) this.#worst.pop();
  }
}
