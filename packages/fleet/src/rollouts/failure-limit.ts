import type { GroupCounts } from "./plan.ts";

/** A failure limit that does not hold. `outOf` is what `failed` was compared with. */
export type Breach = { scope: "wave" | "class" | "rollout"; className: string | null; failed: number; outOf: number; percent: number; limitPercent: number };

/** Counts of a scope. `expected`: ended with success or failure, or still to come (reachable, or begun). */
type Scope = { failed: number; resolved: number; expected: number };

/**
 * The first failure limit that does not hold, or null. Judged are: the wave; in the first wave each of its device
 * classes by itself; all opened waves together. Failures that a person acknowledged are taken off both sides.
 * A limit is broken, strictly above it, when
 *  - `minSample` devices have ended and too large a share of them failed, or
 *  - more devices failed than the limit leaves, even if every other device of the scope succeeds. This needs no sample:
 *    whatever is still to come cannot mend it.
 */
export function findBreach(
  groups: readonly GroupCounts[],
  wave: { position: number; maxFailurePercent: number },
  openedWaves: ReadonlySet<number>,
  rules: { minSample: number; acknowledgedFailures: number },
): Breach | null {
  const opened = groups.filter((group) => openedWaves.has(group.wave));
  const ofWave = opened.filter((group) => group.wave === wave.position);
  const unacknowledged = Math.max(0, sum(opened, (g) => g.failed) - rules.acknowledgedFailures);
  const judge = (scope: Breach["scope"], className: string | null, of: readonly GroupCounts[]): Breach | null => {
    const counts = scopeOf(of, unacknowledged);
    const outOf = brokenOutOf(counts, wave.maxFailurePercent, rules.minSample);
    if (outOf === null) return null;
    return { scope, className, failed: counts.failed, outOf, percent: (counts.failed / outOf) * 100, limitPercent: wave.maxFailurePercent };
  };
  const whole = judge("wave", null, ofWave);
  if (whole !== null) return whole;
  if (wave.position === 0) {
    for (const className of [...new Set(ofWave.map((g) => g.className))].toSorted()) {
      const breach = judge("class", className, ofWave.filter((g) => g.className === className));
      if (breach !== null) return breach;
    }
  }
  return judge("rollout", null, opened);
}

function brokenOutOf(scope: Scope, limitPercent: number, minSample: number): number | null {
  if (scope.failed === 0) return null;
  if (scope.resolved >= minSample && (scope.failed / scope.resolved) * 100 > limitPercent) return scope.resolved;
  return (scope.failed / scope.expected) * 100 > limitPercent ? scope.expected : null;
}

function scopeOf(groups: readonly GroupCounts[], unacknowledged: number): Scope {
  const allFailed = sum(groups, (g) => g.failed);
  const failed = Math.min(allFailed, unacknowledged);
  const resolved = sum(groups, (g) => g.succeeded) + failed;
  return { failed, resolved, expected: resolved + sum(groups, (g) => g.begun + g.awaited) };
}

function sum(groups: readonly GroupCounts[], of: (group: GroupCounts) => number): number {
  return groups.reduce((total, group) => total + of(group), 0);
}
