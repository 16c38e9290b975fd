import type { ArtifactStore, JobReport, claimJob } from "@flotilla/fleet";
import type { Logger } from "pino";
import type { RunStep, StepResult } from "./job-steps.ts";

/** What domain functions are handed; only composition.ts knows where it comes from. */
export type Tx = Parameters<typeof claimJob>[0];

/** Everything a handler and the loops reach the world through. Made in composition.ts, or by a test. */
export type Ports = {
  /** Runs in one transaction; may run again when another transaction was faster. */
  transact<T>(fn: (tx: Tx) => Promise<T>): Promise<T>;
  store: ArtifactStore;
  /** Directory for work in progress. */
  workRoot: string;
  /** Names this worker in job rows. */
  workerId: string;
  /** A job whose worker says nothing for so long goes back to the queue. */
  leaseMs: number;
  /** Spent on measuring a model (MEASURE_BUDGET_MS). */
  measureBudgetMs: number;
  log: Logger;
  /** Hears of every attempt at a job that has ended, for the metrics. */
  onJobEnded?: (kind: string, outcome: string, seconds: number) => void;
};

/** What a handler is given for one attempt at one job. */
export type JobContext = Pick<Ports, "transact" | "store" | "log" | "measureBudgetMs"> & {
  jobId: string;
  /** Private, empty, removed after the attempt. */
  workDir: string;
  /** Fires when the job is cancelled, out of time, or no longer this worker's. */
  signal: AbortSignal;
  /** Tells people how far it is; written at most a few times a second. */
  report(report: JobReport): void;
  /** Runs a step, unless an earlier attempt finished it. */
  step: RunStep;
  /** A step that this job keeps, under whatever inputs; null when there is none, or its bytes are gone. */
  kept(name: string): Promise<StepResult | null>;
};

/** What a handler found. `commit` runs in the transaction that ends the job: both happen or neither. */
export type JobDone = { result: object; commit?: (tx: Tx) => Promise<void> };
