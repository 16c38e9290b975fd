/** One entry a position of an axis: the atom it belongs to, or FIXED where the position stays whatever is pruned. */
export type AxisLabels = Int32Array;

export const FIXED = -1;

/**
 * Positions of axes that can only be removed together (union-find with path halving). An atom is one position where it is made; two are
 * united where an operator ties them. A frozen class stays, for the reason that was said first.
 */
export class ChannelClasses {
  readonly #parent: number[] = [];
  readonly #frozen = new Map<number, string>();

  fresh(count: number): AxisLabels {
    const start = this.#parent.length;
    for (let atom = start; atom < start + count; atom += 1) this.#parent.push(atom);
    return Int32Array.from({ length: count }, (_, position) => start + position);
  }

  /** The atom that stands for the class. */
  find(atom: number): number {
    let current = atom;
    for (let parent = this.#parent[current] ?? current; parent !== current; parent = this.#parent[current] ?? current) {
      const grand = this.#parent[parent] ?? parent;
      this.#parent[current] = grand;
      current = grand;
    }
    return current;
  }

  /** Why the class stays; null when it may go. */
  frozen(atom: number): string | null {
    return this.#frozen.get(this.find(atom)) ?? null;
  }

  uniteAtoms(a: number, b: number, reason: string): void {
    if (a === FIXED || b === FIXED) {
      for (const atom of [a, b]) this.freezeAtom(atom, reason);
      return;
    }
    const [top, below] = [this.find(a), this.find(b)];
    if (top === below) return;
    const why = this.#frozen.get(top) ?? this.#frozen.get(below);
    this.#parent[below] = top;
    this.#frozen.delete(below);
    if (why !== undefined) this.#frozen.set(top, why);
  }

  freezeAtom(atom: number, reason: string): void {
    if (atom === FIXED) return;
    const top = this.find(atom);
    if (!this.#frozen.has(top)) this.#frozen.set(top, reason);
  }

  freeze(labels: AxisLabels | null, reason: string): void {
    for (const atom of labels ?? []) this.freezeAtom(atom, reason);
  }

  /** Ties two axes position by position. An axis without labels cannot lose positions: then the other cannot either. */
  unite(a: AxisLabels | null, b: AxisLabels | null, reason: string): AxisLabels | null {
    if (a === null || b === null || a.length !== b.length) {
      this.freeze(a, reason);
      this.freeze(b, reason);
      return a ?? b;
    }
    for (const [position, atom] of a.entries()) this.uniteAtoms(atom, b[position] ?? FIXED, reason);
    return a;
  }
}
