/** A candidate by what counts: less is better of the first two, more of the third. */
export type Candidate = { sizeBytes: number; latencyMs: number | null; accuracy: number | null };

/**
 * For each candidate whether no other is at least as good in everything and better in something. What is measured on none does not
 * count; a candidate that lacks a number others have is null.
 */
export function frontOf(candidates: readonly Candidate[]): (boolean | null)[] {
  const hasLatency = candidates.some((candidate) => candidate.latencyMs !== null);
  const hasAccuracy = candidates.some((candidate) => candidate.accuracy !== null);
  const costs = candidates.map(({ sizeBytes, latencyMs, accuracy }) => {
    if ((hasLatency && latencyMs === null) || (hasAccuracy && accuracy === null)) return null;
    return [sizeBytes, latencyMs ?? 0, -(accuracy ?? 0)];
  });
  return costs.map((own) => own && !costs.some((other) => other !== null && other !== own && dominates(other, own)));
}

function dominates(other: readonly number[], own: readonly number[]): boolean {
  return other.every((cost, index) => cost <= (own[index] ?? 0)) && other.some((cost, index) => cost < (own[index] ?? 0));
}
