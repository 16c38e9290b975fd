import { seededRandom } from "@flotilla/runtime";

/** Chance that can be replayed. */
export type Seeded = {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Whole number, both ends included. */
  between(least: number, most: number): number;
  pick<T>(from: readonly T[]): T | undefined;
};

export function seeded(seed: number): Seeded {
  const uniform = seededRandom(seed);
  return {
    uniform,
    between: (least, most) => least + Math.floor(uniform() * (most - least + 1)),
    pick: (from) => from[Math.floor(uniform() * from.length)],
  };
}
