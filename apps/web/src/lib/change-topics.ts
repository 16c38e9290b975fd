import type { ChangeTopic } from "@flotilla/fleet";

/** One event of /api/v1/events. */
export type Change = { topic: ChangeTopic; id: string };

/** First elements of query keys that are refreshed by these topics too, because they show numbers of them. */
const ALSO: Partial<Record<ChangeTopic, readonly string[]>> = {
  version: ["model"],
  rollout: ["overview", "build"],
  device: ["overview", "fleet"],
  job: ["overview"],
  build: ["overview"],
  latency: ["overview"],
};

/** Ids of this product: three letters, "_", base 32. */
const ID = /^[a-z]{3}_[0-9a-z]{10,}$/;

/**
 * Whether a query shows what changed. Keys begin with the topic: ["rollout", "list", …], ["rollout", id, …]. A key that
 * names an object is touched by changes of that object only. `meta.topics` of a query adds further topics.
 */
export function isTouched(key: readonly unknown[], topics: readonly string[] | undefined, change: Change): boolean {
  const [first, second] = key;
  if (topics?.includes(change.topic) === true) return true;
  if (typeof first !== "string") return false;
  if (first !== change.topic) return ALSO[change.topic]?.includes(first) === true;
  return typeof second !== "string" || !ID.test(second) || second === change.id;
}
