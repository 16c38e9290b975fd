import { randomBytes } from "node:crypto";

/** Randomness as an argument, so that a simulation can be replayed from a seed. */
export type Random = {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Lower-case hex of `bytes` random bytes. */
  hex(bytes: number): string;
};

export const systemRandom: Random = {
  uniform: () => Math.random(),
  hex: (bytes) => randomBytes(bytes).toString("hex"),
};

/** A repeatable generator (mulberry32). For simulations only: its ids and delays can be predicted. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const hex = (bytes: number): string => Array.from({ length: bytes }, () => Math.floor(uniform() * 256).toString(16).padStart(2, "0")).join("");
  return { uniform, hex };
}
