import { seededRandom } from "@flotilla/runtime";

/** A stream of its own for each (seed, a, b): what is drawn for an example does not depend on what was drawn before, so a training goes on anywhere. */
export function streamOf(seed: number, a: number, b: number): () => number {
  let mixed = seed >>> 0;
  for (const part of [a, b]) mixed = Math.imul(mixed ^ (part + 0x9e3779b9), 0x85ebca6b) ^ (mixed >>> 13);
  const next = seededRandom(mixed >>> 0);
  next();
  return next;
}

/** The order of an epoch (Fisher and Yates). */
export function shuffled(count: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const next = streamOf(seed, epoch, 0x5f3759df);
  for (let i = count - 1; i > 0; i -= 1) {
    const j = Math.floor(next() * (i + 1));
    const [a = 0, b = 0] = [order[i], order[j]];
    order[i] = b;
    order[j] = a;
  }
  return order;
}
