/** Lets work begin while the weights of what is under way stay below a bound. First come, first served. */
export class Gate {
  readonly #capacity: number;
  #used = 0;
  readonly #waiting: { readonly weight: number; readonly begin: () => void }[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Work heavier than the whole capacity runs alone. */
  async run<T>(weight: number, work: () => Promise<T>): Promise<T> {
    const share = Math.min(weight, this.#capacity);
    if (this.#waiting.length > 0 || this.#used + share > this.#capacity) {
      await new Promise<void>((begin) => {
        this.#waiting.push({ weight: share, begin });
      });
    } else {
      this.#used += share;
    }
    try {
      return await work();
    } finally {
      this.#used -= share;
      this.#admit();
    }
  }

  #admit(): void {
    for (let first = this.#waiting[0]; first && this.#used + first.weight <= this.#capacity; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += first.weight;
      first.begin();
    }
  }
}
