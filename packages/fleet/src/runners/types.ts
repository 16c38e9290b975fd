import type { DatasetSummary, DatasetVersionView } from "../datasets/types.ts";
import type { JobReport } from "../jobs/worker-store.ts";
import type { JobStateName } from "../jobs/types.ts";
import type { Preprocessing } from "../models/preprocessing.ts";
import type { StoppedBy, TrainingBest } from "../trainings/types.ts";

/** A file that a runner may read: what web makes a link of. */
export type RunnerFile = { name: string; sha256: string; sizeBytes: number };

/** What a runner is to do. `leaseToken` goes along with every later call: without it, or after somebody else took the job, nothing is written. */
export type RunnerTask = {
  jobId: string; leaseToken: string; leaseMs: number; attempt: number;
  training: { id: string; name: string; script: string; parameters: Record<string, unknown>; recipe: unknown };
  /** As it was uploaded, with how it was split; the summary says classes, counts and shapes. */
  dataset: { versionId: string; name: string; number: number; options: DatasetVersionView["options"]; summary: DatasetSummary; files: RunnerFile[] };
  /** The version that is trained further. */
  parent: { versionId: string; preprocessing: Preprocessing | null; files: RunnerFile[] } | null;
};

/** Where a run stands, for the page's time left and best. */
export type RunnerProgress = { epoch: number; step: number; stepsPerEpoch: number; best: TrainingBest | null };
export type RunnerReport = JobReport & { reached?: RunnerProgress | undefined };

/** `running`: go on, and come back within the lease. Anything else: the job has ended, stop. */
export type RunnerAnswer = { state: JobStateName; leaseMs: number; /** A person wants the best so far: deliver it now. */ stopRequested: boolean };

/** How a runner ends: with a model, or with why there is none. */
export type RunnerEnd =
  | {
    kind: "trained"; uploadId: string;
    /** Of the parent unless told. Without any, the model is not evaluated. */
    preprocessing?: Preprocessing | undefined;
    /** What made it: frameworks, the script's own commit. */
    toolVersions: Record<string, string>;
    stoppedBy: StoppedBy; epochs: number; steps: number; best: TrainingBest | null;
  }
  | { kind: "failed"; cause: string };
