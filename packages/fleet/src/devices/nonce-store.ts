import type { Sql, Tx } from "@flotilla/db";

/** A nonce's random part, and when it ends by itself. */
export type UsedNonce = { nonce: string; expiresAtMs: number };

/**
 * Notes nonces as used; answers those that nobody had used before, each once. Two gateways that are handed the same
 * nonce at once get it answered by one of the two calls.
 */
export async function takeNonces(sql: Sql, nonces: readonly UsedNonce[]): Promise<string[]> {
  // In one order for all callers, or two batches could wait for each other.
  const sorted = nonces.toSorted((a, b) => (a.nonce < b.nonce ? -1 : 1));
  const rows = await sql.query<{ nonce: string }>(
    `insert into used_nonce (nonce, expires_at) select n.nonce, to_timestamp(n.expires_at_ms / 1000)
       from unnest($1::text[], $2::float8[]) as n(nonce, expires_at_ms)
     on conflict (nonce) do nothing returning nonce`,
    [sorted.map(({ nonce }) => nonce), sorted.map(({ expiresAtMs }) => expiresAtMs)],
  );
  return rows.map(({ nonce }) => nonce);
}

/** Nonces are kept this much beyond their time, so that the machines' clocks may differ by as much. */
const KEPT_LONGER_MS = 10 * 60_000;

/** Forgets nonces that are refused by their time anyway. */
export async function forgetNonces(tx: Tx, now: Date = new Date()): Promise<void> {
  await tx.usedNonce.deleteMany({ where: { expiresAt: { lt: new Date(now.getTime() - KEPT_LONGER_MS) } } });
}
