import { randomBytes } from "node:crypto";
import { seededRandom as seededUniform } from "@flotilla/runtime";

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

/** A repeatable generator. For simulations only: its ids and delays can be predicted. */
export function seededRandom(seed: number): Random {
  const uniform = seededUniform(seed);
  const hex = (bytes: number): string => Array.from({ length: bytes }, () => Math.floor(uniform() * 256).toString(16).padStart(2, "0")).join("");
  return { uniform, hex };
}
