import type { CompareView } from "@flotilla/fleet";

type Compared = CompareView["versions"][number];

/** Limits that somebody draws into a comparison. Accuracy is a share, 0 to 1; null does not limit. */
export type Budget = { maxMs: number | null; minAccuracy: number | null; maxBytes: number | null };

/** Whether a version keeps every limit; null where a number that a limit needs was not measured. */
export function keepsBudget(version: Pick<Compared, "sizeBytes" | "accuracy" | "latencyMs">, budget: Budget): boolean | null {
  const checks = [
    budget.maxBytes === null ? true : version.sizeBytes <= budget.maxBytes,
    budget.maxMs === null ? true : version.latencyMs === null ? null : version.latencyMs.p95 <= budget.maxMs,
    budget.minAccuracy === null ? true : version.accuracy === null ? null : version.accuracy.value >= budget.minAccuracy,
  ];
  return checks.includes(false) ? false : checks.includes(null) ? null : true;
}
