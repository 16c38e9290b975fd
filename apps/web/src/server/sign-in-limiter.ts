import { createHash } from "node:crypto";

/** Wrong passwords that one account takes in a window before it has to wait. */
const PER_ACCOUNT = 10;
/** Attempts from one address: an office behind one address still gets in. */
const PER_ADDRESS = 100;
const WINDOW_MS = 15 * 60_000;
const MAX_BUCKETS = 50_000;

type Bucket = { attempts: number; endsAt: number };

/**
 * Counts attempts to sign in, by account and by address, in this process. Known and unknown accounts are treated alike,
 * so the answer does not tell whether an account exists.
 */
export class SignInLimiter {
  readonly #buckets = new Map<string, Bucket>();

  /** Counts one attempt. Returns 0 when it may go on, else the time to wait in ms. */
  attempt(account: string, address: string, nowMs: number): number {
    const waits = [this.#count(accountKey(account), PER_ACCOUNT, nowMs), this.#count(`ip:${address}`, PER_ADDRESS, nowMs)];
    return Math.max(...waits);
  }

  /** A right password clears the account's count; the address keeps its own. */
  succeeded(account: string): void {
    this.#buckets.delete(accountKey(account));
  }

  #count(key: string, limit: number, nowMs: number): number {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined || bucket.endsAt <= nowMs) {
      this.#makeRoom(nowMs);
      bucket = { attempts: 0, endsAt: nowMs + WINDOW_MS };
      this.#buckets.set(key, bucket);
    }
    bucket.attempts += 1;
    return bucket.attempts > limit ? bucket.endsAt - nowMs : 0;
  }

  #makeRoom(nowMs: number): void {
    if (this.#buckets.size < MAX_BUCKETS) return;
    for (const [key, bucket] of this.#buckets) if (bucket.endsAt <= nowMs) this.#buckets.delete(key);
    // Still full: forget the oldest, many at once, so that a flood does not pay for a search with every attempt.
    let excess = this.#buckets.size - MAX_BUCKETS * 0.9;
    for (const key of this.#buckets.keys()) {
      if (excess-- <= 0) break;
      this.#buckets.delete(key);
    }
  }
}

function accountKey(account: string): string {
  return `account:${createHash("sha256").update(account.trim().toLowerCase()).digest("base64url")}`;
}
