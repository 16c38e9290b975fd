import type { JobStateName } from "../jobs/types.ts";
import type { Preprocessing } from "../models/preprocessing.ts";
import type { TrainingRecipe } from "./recipe.ts";

export type TrainingStateName = "pending" | "finished" | "failed";

/** A network that can be trained on a dataset version, as the worker described it when the dataset was read. */
export type FittingTemplate = {
  id: string; title: string; description: string; suits: "images" | "table" | "audio" | "series";
  /** Weights, and multiply-accumulates for one example. */
  presets: { id: string; title: string; parameters: number; macs: number }[];
  /** What it is built for: the input without its batch, and how an example becomes it. */
  input: number[]; answers: number; isClassifier: boolean; preprocessing: Preprocessing;
};

/** What a training begins from. */
export type TrainingStart =
  | { kind: "template"; template: string; preset: string; title: string; input: number[]; answers: number; isClassifier: boolean; preprocessing: Preprocessing }
  | { kind: "version"; versionId: string; name: string; /** The last node whose weights stay as they are. */ freezeUpTo: string | null }
  /** A script of somebody's own, on a machine of their own; `parameters` are handed to it. */
  | { kind: "outside"; title: string; versionId: string | null; parameters: Record<string, unknown> };

/** What an outside runner made, as it says; a worker checks the model like an upload before it becomes a version. */
export type DeliveredModel = {
  file: { name: string; sha256: string; sizeBytes: number };
  preprocessing: Preprocessing | null; toolVersions: Record<string, string>;
  stoppedBy: StoppedBy; epochs: number; steps: number; best: TrainingBest | null; ranMs: number;
};

/** Where it stands at its newest checkpoint. */
export type TrainingProgress = { epoch: number; step: number; stepsPerEpoch: number; ranMs: number; best: TrainingBest | null };
export type TrainingBest = { epoch: number; metric: string; value: number };

export type StoppedBy = "epochs" | "minutes" | "early_stopping" | "person";

/** An example that was taken for something else, or is farthest from what it should be. */
export type WrongExample = { index: number; label: number | null; answer: number; confidence: number; loss: number; image: string | null };

export type TrainingOutcome = {
  stoppedBy: StoppedBy; epochs: number; steps: number; ranMs: number; parameters: number; best: TrainingBest | null;
  /** On the validation split; null without one. */
  validation: { n: number; loss: number; accuracy: number | null; confusion: number[][] | null; worst: WrongExample[] } | null;
};

export type TrainingView = {
  id: string; jobId: string; name: string; state: JobStateName; attempt: number; cause: string | null; causeCode: string | null;
  stopRequested: boolean; cancelRequested: boolean; queuedBefore: number | null;
  stoppedBy: StoppedBy | null;
  datasetId: string; datasetVersionId: string; datasetName: string; datasetNumber: number;
  start: { kind: "template"; template: string; preset: string; title: string } | { kind: "version"; versionId: string; name: string } | Extract<TrainingStart, { kind: "outside" }>;
  recipe: TrainingRecipe; recipeSha256: string; codeVersion: string;
  /** The version that it learns from as well, where the recipe says one. */
  teacher: { versionId: string; name: string } | null;
  epoch: number | null; stepsPerEpoch: number | null; ranMs: number | null; leftMs: number | null; progress: number | null;
  best: TrainingBest | null;
  result: { modelId: string; modelName: string; versionId: string; number: number } | null;
  confusion: { split: string; classes: string[]; counts: number[][] } | null;
  worst: { index: number; truth: string; answer: string; confidence: number; loss: number; image: string | null }[];
  createdAt: string; createdByName: string; startedAt: string | null; finishedAt: string | null;
};
