import type { Sql } from "@flotilla/db";

/** Where latency of builds that the platform did not make is counted: a device cannot invent keys of roll-ups. */
export const UNKNOWN_VARIANT = { buildId: "unknown", versionId: "unknown" } as const;

export type VariantKey = { buildId: string; versionId: string };

const RETRY_UNKNOWN_AFTER_MS = 10_000;
const MAX_UNKNOWN = 10_000;

/**
 * Remembers which model versions are in which builds (neither is ever taken back), so that checking a window's key
 * reads the database only for pairs not seen before.
 */
export class VariantCatalogue {
  readonly #known = new Map<string, VariantKey>();
  readonly #unknownSince = new Map<string, number>();
  /** The one found last: most devices of a batch run the same. */
  #last: VariantKey = UNKNOWN_VARIANT;

  /** The pair as the platform knows it, the same object each time; `UNKNOWN_VARIANT` for one that it did not make. Only for pairs that `learn` was given. */
  keyOf(pair: VariantKey): VariantKey {
    return this.#find(pair) ?? UNKNOWN_VARIANT;
  }

  #find(pair: VariantKey): VariantKey | undefined {
    const last = this.#last;
    if (last !== UNKNOWN_VARIANT && last.versionId === pair.versionId && last.buildId === pair.buildId) return last;
    const known = this.#known.get(nameOf(pair));
    if (known !== undefined) this.#last = known;
    return known;
  }

  async learn(sql: Sql, pairs: readonly VariantKey[], nowMs: number): Promise<void> {
    const asked = new Map<string, VariantKey>();
    for (const pair of pairs) {
      if (this.#find(pair) !== undefined) continue;
      const name = nameOf(pair);
      if (nowMs - (this.#unknownSince.get(name) ?? -Infinity) > RETRY_UNKNOWN_AFTER_MS) asked.set(name, pair);
    }
    if (asked.size === 0) return;
    const rows = await sql.query<{ build_id: string; version_id: string }>(
      `select distinct v.build_id, v.version_id from build_variant v
         join unnest($1::text[], $2::text[]) as k(build_id, version_id) on v.build_id = k.build_id and v.version_id = k.version_id`,
      [[...asked.values()].map((pair) => pair.buildId), [...asked.values()].map((pair) => pair.versionId)],
    );
    for (const { build_id: buildId, version_id: versionId } of rows) this.#known.set(nameOf({ buildId, versionId }), { buildId, versionId });
    if (this.#unknownSince.size > MAX_UNKNOWN) this.#unknownSince.clear();
    for (const name of asked.keys()) {
      if (this.#known.has(name)) this.#unknownSince.delete(name);
      else this.#unknownSince.set(name, nowMs);
    }
  }
}

function nameOf(pair: VariantKey): string {
  return `${pair.buildId} ${pair.versionId}`;
}
