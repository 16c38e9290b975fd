/** Sets of values that share one scale and zero point (union-find with path halving). */
export class TensorGroups {
  readonly #parent = new Map<string, string>();

  /** The name that stands for the group; a value nobody joined stands for itself. */
  find(name: string): string {
    let current = name;
    for (let parent = this.#parent.get(current); parent !== undefined; parent = this.#parent.get(current)) {
      const grand = this.#parent.get(parent);
      if (grand !== undefined) this.#parent.set(current, grand);
      current = parent;
    }
    return current;
  }

  /** Puts the group of `member` under the group of `leader`, whose range it takes over. */
  join(leader: string, member: string): void {
    const [top, below] = [this.find(leader), this.find(member)];
    if (top !== below) this.#parent.set(below, top);
  }
}
