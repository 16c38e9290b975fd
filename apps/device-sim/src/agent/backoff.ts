import type { Random } from "./random.ts";

/** Base and cap of a full-jitter exponential backoff, in milliseconds. */
export type BackoffLimits = { readonly baseMs: number; readonly capMs: number };

/** For calls to the server: first wait up to 1 s, at most 5 minutes. */
export const SERVER_BACKOFF: BackoffLimits = { baseMs: 1_000, capMs: 300_000 };

/**
 * Wait before the next try after `failures` failures in a row (1 or more): uniform(0, min(cap, base × 2^(failures − 1))).
 * A whole fleet that failed together spreads over the window. What the server asks for (`retryAfterMs`) wins.
 */
export function backoffMs(failures: number, random: Random, limits: BackoffLimits = SERVER_BACKOFF, retryAfterMs?: number): number {
  if (retryAfterMs !== undefined) return retryAfterMs;
  const doublings = Math.min(Math.max(failures - 1, 0), 30);
  return random.uniform() * Math.min(limits.capMs, limits.baseMs * 2 ** doublings);
}
