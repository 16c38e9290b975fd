/** Chance that can be replayed (mulberry32). */
export type Seeded = {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Whole number, both ends included. */
  between(least: number, most: number): number;
  pick<T>(from: readonly T[]): T | undefined;
};

export function seeded(seed: number): Seeded {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    uniform,
    between: (least, most) => least + Math.floor(uniform() * (most - least + 1)),
    pick: (from) => from[Math.floor(uniform() * from.length)],
  };
}
