/** A node that may run on integers: what that saves (microseconds or bytes, null when it was not seen) and what it costs in accuracy. */
export type RatedCandidate = { readonly node: string; readonly gain: number | null; readonly loss: number };

/** Nodes that integers do not make better, and the others in the order in which they are given back to float. */
export type RevertOrder = { readonly useless: readonly string[]; readonly ladder: readonly string[] };

/**
 * Nodes without a gain stay float whatever they cost. Of the others those go back first that save least for what they cost (greedy
 * solution of: most gain for at most so much loss). Where the gain is not known, it is taken for the median of the known ones.
 */
export function orderCandidates(candidates: readonly RatedCandidate[]): RevertOrder {
  const known = candidates.flatMap(({ gain }) => (gain !== null && gain > 0 ? [gain] : [])).sort((a, b) => a - b);
  const usual = known[Math.floor(known.length / 2)] ?? 1;
  const useful = candidates.filter(({ gain }) => gain === null || gain > 0);
  const worth = ({ gain, loss }: RatedCandidate) => (gain ?? usual) / Math.max(loss, Number.MIN_VALUE);
  const ladder = useful.toSorted((a, b) => worth(a) - worth(b) || b.loss - a.loss || (a.node < b.node ? -1 : 1));
  return { useless: candidates.filter(({ gain }) => gain !== null && gain <= 0).map(({ node }) => node), ladder: ladder.map(({ node }) => node) };
}
