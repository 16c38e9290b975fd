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
 *    whatever is still to come cannot mend it. Left out with `onlyWithSample`.
 */
export function findBreach(
  groups: readonly GroupCounts[],
  wave: { position: number; maxFailurePercent: number },
  openedWaves: ReadonlySet<number>,
  rules: { minSample: number; acknowledgedFailures: number; onlyWithSample?: boolean },
): Breach | null {
  const opened = groups.filter((group) => openedWaves.has(group.wave));
  const ofWave = opened.filter((group) => group.wave === wave.position);
  const unacknowledged = Math.max(0, sum(opened, (g) => g.failed) - rules.acknowledgedFailures);
  const judge = (scope: Breach["scope"], className: string | null, of: readonly GroupCounts[]): Breach | null => {
    const counts = scopeOf(of, unacknowledged);
    const outOf = brokenOutOf(counts, wave.maxFailurePercent, rules.minSample, rules.onlyWithSample === true);
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

/**
 * The failure limit as it would stand if every lost device had failed, or null when it would hold: a build that kills devices
 * need not wait for their deadlines. Unlike a failure, silence may yet end, so it is judged on `minSample` devices only; or when
 * all that were handed the build in this wave (two or more) are lost.
 */
export function findLoss(
  groups: readonly GroupCounts[],
  wave: { position: number; maxFailurePercent: number },
  openedWaves: ReadonlySet<number>,
  rules: { minSample: number; acknowledgedFailures: number },
): { breach: Breach; lost: number } | null {
  const opened = groups.filter((group) => openedWaves.has(group.wave));
  const lost = sum(opened, (g) => g.lost);
  if (lost === 0 || sum(opened, (g) => g.failed) + lost <= rules.acknowledgedFailures) return null;
  const ofWave = opened.filter((group) => group.wave === wave.position);
  const lostOfWave = sum(ofWave, (g) => g.lost);
  if (lostOfWave >= LEAST_LOST && lostOfWave === sum(ofWave, (g) => g.begun + g.succeeded + g.failed)) {
    return { lost, breach: { scope: "wave", className: null, failed: lostOfWave, outOf: lostOfWave, percent: 100, limitPercent: wave.maxFailurePercent } };
  }
  const feared = opened.map((g) => ({ ...g, failed: g.failed + g.lost, begun: g.begun - g.lost }));
  const breach = findBreach(feared, wave, openedWaves, { ...rules, onlyWithSample: true });
  return breach === null ? null : { breach, lost };
}

/** One silent device is an accident. */
const LEAST_LOST = 2;

function brokenOutOf(scope: Scope, limitPercent: number, minSample: number, onlyWithSample: boolean): number | null {
  if (scope.failed === 0) return null;
  if (scope.resolved >= minSample && (scope.failed / scope.resolved) * 100 > limitPercent) return scope.resolved;
  if (onlyWithSample) return null;
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
