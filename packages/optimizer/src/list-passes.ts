import type { Pass } from "./pass.ts";
import { INTEGER_PASSES, NORMALISING_PASSES, REPEATED_PASSES } from "./simplify/passes.ts";

/** Every pass there is, each once, in the order in which they are first tried. */
export function listPasses(): readonly Pass[] {
  return [...new Set([...NORMALISING_PASSES, ...REPEATED_PASSES, ...INTEGER_PASSES])];
}
