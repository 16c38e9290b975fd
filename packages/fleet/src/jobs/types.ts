export type JobStateName = "queued" | "running" | "succeeded" | "failed" | "cancelled" | "quarantined";

export type JobView = {
  id: string; kind: string; state: JobStateName; cause: string | null; causeCode: string | null;
  progress: number | null; progressText: string | null; attempt: number; maxAttempts: number;
  subjectKind: string | null; subjectId: string | null; subjectName: string | null;
  createdByName: string; createdAt: string; startedAt: string | null; finishedAt: string | null;
  workerId: string | null; cancelRequested: boolean; payload: unknown; result: unknown;
  /** Jobs before it in the queue; null unless queued. */
  queuedBefore: number | null;
};
export type JobLogLine = { seq: number; at: string; level: string; text: string };
export type JobMetricPoint = { name: string; step: number; value: number; at: string };
