/** Disjoint sets of examples (union–find with path halving): who must stay together. */
export class Components {
  readonly #parent: Uint32Array;

  constructor(count: number) {
    this.#parent = Uint32Array.from({ length: count }, (_, at) => at);
  }

  join(one: number, other: number): void {
    const first = this.#root(one);
    const second = this.#root(other);
    this.#parent[Math.max(first, second)] = Math.min(first, second);
  }

  /** The members among `chosen`, by component: large ones first, those of one size in the order of `chosen`. */
  *bySize(chosen: Uint32Array): Iterable<readonly number[]> {
    const size = new Uint32Array(this.#parent.length);
    for (const at of chosen) size[this.#root(at)] = (size[this.#root(at)] ?? 0) + 1;
    const together = new Map<number, number[]>();
    for (const at of chosen) {
      const root = this.#root(at);
      if ((size[root] ?? 0) < 2) continue;
      const members = together.get(root);
      if (members) members.push(at);
      else together.set(root, [at]);
    }
    yield* [...together.values()].toSorted((one, other) => other.length - one.length);
    for (const at of chosen) if (size[this.#root(at)] === 1) yield [at];
  }

  #root(at: number): number {
    let node = at;
    for (;;) {
      const parent = this.#parent[node] ?? node;
      if (parent === node) return node;
      const above = this.#parent[parent] ?? parent;
      this.#parent[node] = above;
      node = above;
    }
  }
}
