import type { Goal, Recipe } from "./recipe.ts";

export type OptimizationStateName = "pending" | "finished" | "failed";

/** `helps`: offered. `no_help`: a version that is kept for its numbers only. `refused`: there is no version. */
export type Verdict = "helps" | "no_help" | "refused";

export type OptimizationView = {
  id: string; state: OptimizationStateName; failure: string | null;
  versionId: string; versionName: string;
  datasetVersionId: string | null; datasetVersionName: string | null;
  recipe: Recipe; recipeSha256: string; goal: Goal;
  /** What came of it; null until it is finished. */
  sentence: string | null;
  toolVersions: Record<string, string> | null;
  jobId: string | null; createdAt: string; createdByName: string; finishedAt: string | null;
  /** One per technique, in the recipe's order. */
  results: { position: number; kind: string; label: string; verdict: Verdict; sentence: string; versionId: string | null; versionNumber: number | null }[];
};

/** A version among those made of the same ancestor. */
export type VariantNode = {
  id: string; parentId: string | null; modelId: string; number: number; state: "validating" | "ready" | "rejected";
  label: string | null; kind: string | null; offered: boolean; notOfferedReason: string | null;
  optimizationId: string | null; sizeBytes: number;
  /** From the import on the worker's machine. */
  latencyMsP50: number | null;
  createdAt: string;
};
