import { createHash } from "node:crypto";
import { withSql, type Db } from "@flotilla/db";
import { clearAttempts, countAttempt, pruneAttempts } from "@flotilla/fleet";

/** Wrong passwords that one account takes in a window before it has to wait. */
const PER_ACCOUNT = 10;
/** Attempts from one address: an office behind one address still gets in. */
const PER_ADDRESS = 100;
const WINDOW_MS = 15 * 60_000;

/**
 * Counts attempts to sign in, by account and by address, in the database: it does not matter which web process is asked. Known and unknown accounts are treated
 * alike, so the answer does not tell whether an account exists.
 */
export class SignInLimiter {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Counts one attempt, and keeps it counted whatever becomes of it. Answers 0 when it may go on, else the time to wait in ms. */
  async attempt(account: string, address: string, nowMs: number): Promise<number> {
    // An address that tries too much leaves no further accounts behind: what it can fill is bounded.
    const waitMs = await this.#count(keyOf("address", address), PER_ADDRESS, nowMs);
    if (waitMs > 0) return waitMs;
    await withSql(this.#db, (sql) => pruneAttempts(sql, new Date(nowMs)));
    return this.#count(accountKey(account), PER_ACCOUNT, nowMs);
  }

  /** A right password clears the account's count; the address keeps its own. */
  async succeeded(account: string): Promise<void> {
    await withSql(this.#db, (sql) => clearAttempts(sql, accountKey(account)));
  }

  async #count(key: string, limit: number, nowMs: number): Promise<number> {
    const { attempts, endsAtMs } = await withSql(this.#db, (sql) => countAttempt(sql, key, new Date(nowMs), WINDOW_MS));
    return attempts > limit ? endsAtMs - nowMs : 0;
  }
}

function accountKey(account: string): string {
  return keyOf("account", account.trim().toLowerCase());
}

function keyOf(kind: "account" | "address", text: string): string {
  return `${kind}:${createHash("sha256").update(text).digest("base64url")}`;
}
