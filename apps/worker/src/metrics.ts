import { jobCatalogue, jobNumbers, type JobNumbers } from "@flotilla/fleet";
import { FLOTILLA_VERSION } from "@flotilla/protocol";
import type { Logger } from "pino";
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { Tx } from "./ports.ts";

/** What the worker counts of itself, and what it reads of all jobs when it is asked. */
export type WorkerMetrics = {
  /** One attempt at a job has ended. */
  jobEnded(kind: string, outcome: string, seconds: number): void;
  /** One round of the rollout evaluator: by this worker, or not since another one was at it. */
  evaluated(kind: "evaluated" | "busy" | "failed", seconds: number): void;
  /** The text form of Prometheus. */
  text(): Promise<string>;
  contentType: string;
};

const JOB_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200];
const EVALUATION_BUCKETS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** `transact` reads the numbers of all jobs; while the database is away only they are missing. */
export function workerMetrics(options: { transact<T>(fn: (tx: Tx) => Promise<T>): Promise<T>; running: () => number; log: Logger }): WorkerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Gauge({ name: "flotilla_build_info", help: "1, with the version", labelNames: ["version"], registers }).set({ version: FLOTILLA_VERSION }, 1);
  new Gauge({ name: "flotilla_worker_running_jobs", help: "Jobs in hand of this worker", registers, collect() { this.set(options.running()); } });
  const jobSeconds = new Histogram({ name: "flotilla_job_seconds", help: "Duration of attempts at jobs, by how they ended", labelNames: ["kind", "outcome"], buckets: JOB_BUCKETS, registers });
  const evaluationSeconds = new Histogram({ name: "flotilla_evaluation_seconds", help: "Duration of rounds of the rollout evaluator", labelNames: ["kind"], buckets: EVALUATION_BUCKETS, registers });
  const reads = new Counter({ name: "flotilla_metrics_read_failures_total", help: "Times that the numbers of all jobs could not be read", registers });
  const jobs = new Gauge({ name: "flotilla_jobs", help: "Jobs of the whole platform that have not ended, and quarantined ones; the same at every worker", labelNames: ["kind", "state"], registers });
  const oldest = new Gauge({ name: "flotilla_queue_oldest_seconds", help: "For how long the job that waits longest has waited; the same at every worker", registers });

  function show(numbers: JobNumbers): void {
    jobs.reset();
    for (const kind of Object.keys(jobCatalogue)) for (const state of ["queued", "running", "quarantined"]) jobs.set({ kind, state }, 0);
    for (const { kind, state, count } of numbers.counts) jobs.set({ kind, state }, count);
    oldest.set(numbers.oldestQueuedSeconds);
  }

  return {
    jobEnded: (kind, outcome, seconds) => jobSeconds.observe({ kind, outcome }, seconds),
    evaluated: (kind, seconds) => evaluationSeconds.observe({ kind }, seconds),
    async text() {
      try {
        show(await options.transact((tx) => jobNumbers(tx)));
      } catch (error) {
        options.log.warn({ err: error }, "the numbers of jobs could not be read");
        jobs.reset();
        oldest.remove();
        reads.inc();
      }
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}
