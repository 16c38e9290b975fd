import type { JobView } from "@flotilla/fleet";

/** Why a job that did all its work refused what it looked at (an import of a damaged file, say); null for every other job. */
export function jobRefusal({ state, result }: Pick<JobView, "state" | "result">): { reason: string; code: string } | null {
  if (state !== "succeeded" || typeof result !== "object" || result === null) return null;
  const { state: outcome, reason, code } = result as { state?: unknown; reason?: unknown; code?: unknown };
  return outcome === "rejected" && typeof reason === "string" ? { reason, code: String(code) } : null;
}
