export { isJobKind, jobCatalogue, jobKinds, parseJobPayload } from "./catalogue.ts";
export type { JobKind, JobPayload } from "./catalogue.ts";
export type { NewLogLine } from "./move-store.ts";
export { cancelJob, createJob, retryJob } from "./store.ts";
export { getJob, jobLogs, jobMetrics, listJobs } from "./view-store.ts";
export type { JobFilter } from "./view-store.ts";
export { LEASE_MS, cancelRequests, claimJob, finishJob, heartbeatJob, reapJobs, runningLeases } from "./worker-store.ts";
export type { ClaimResult, Heartbeat, JobOutcome, JobReport } from "./worker-store.ts";
export type * from "./types.ts";
