import type { JobStateName } from "@flotilla/fleet";

export type TrainingView = {
  id: string; jobId: string; name: string; state: JobStateName; attempt: number; cause: string | null; causeCode: string | null;
  stopRequested: boolean; cancelRequested: boolean; queuedBefore: number | null;
  stoppedBy: "epochs" | "minutes" | "early_stopping" | "person" | null;
  runner: "here" | "outside"; runnerName: string | null;
  datasetId: string; datasetVersionId: string; datasetName: string; datasetNumber: number;
  start: { kind: "template"; template: string; preset: string; title: string } | { kind: "version"; versionId: string; name: string };
  recipe: unknown; budget: { epochs: number | null; minutes: number | null };
  epoch: number | null; stepsPerEpoch: number | null; ranMs: number | null; leftMs: number | null; progress: number | null;
  best: { epoch: number; metric: string; value: number } | null;
  result: { modelId: string; modelName: string; versionId: string; number: number } | null;
  confusion: { split: string; classes: string[]; counts: number[][] } | null;
  worst: { index: number; truth: string; answer: string; confidence: number; loss: number; image: string | null }[];
  createdAt: string; createdByName: string; startedAt: string | null; finishedAt: string | null;
};

export type TemplateView = {
  id: string; title: string; description: string; suits: "images" | "table" | "audio" | "series";
  presets: { id: string; title: string; parameters: number | null; macs: number | null }[];
};
