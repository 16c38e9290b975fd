/**
 * mulberry32: 32 bits of state, one multiply-xor chain per number. Not for secrets. It is here because golden sets must
 * produce the same inputs on every device for years, so the generator is written out, not taken from the platform.
 *
 * Returns a function giving uniform numbers in [0, 1), each a multiple of 2^-32.
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** FNV-1a over UTF-16 code units; mixes a name into a seed so that each tensor gets a stream of its own. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash;
}
