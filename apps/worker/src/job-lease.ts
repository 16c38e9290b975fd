import { heartbeatJob, type JobReport, type NewLogLine } from "@flotilla/fleet";
import type { Ports } from "./ports.ts";

/** Reports are written at most this often: people see a moving bar, the database a few rows. */
const FLUSH_MS = 400;
/** Part of the lease between two heartbeats: three may be lost. */
const HEARTBEAT_PART = 0.25;
/** Without a word from the database for this part of the lease another worker may soon take the job: stop before it does. */
const GIVE_UP_PART = 0.75;

/** Why an attempt's signal fired. */
export type AbortReason = "cancelled" | "time_limit" | "lease_lost" | "shutdown";

/** The reason an AbortSignal carries for its handler. */
export class JobAborted extends Error {
  readonly reason: AbortReason;

  constructor(reason: AbortReason) {
    super(`the job was stopped: ${reason}`);
    this.name = "JobAborted";
    this.reason = reason;
  }
}

/**
 * Holds the lease of one attempt: beats, writes what the handler reports in small batches, and fires `signal` when the
 * attempt must stop. `close` writes what is left and ends the beating; it never throws.
 */
export class JobLease {
  readonly #ports: Pick<Ports, "transact" | "log" | "leaseMs">;
  readonly #jobId: string;
  readonly #token: string;
  readonly #abort = new AbortController();
  readonly #beat: NodeJS.Timeout;
  readonly #limit: NodeJS.Timeout;
  #flushTimer: NodeJS.Timeout | null = null;
  #pending: PendingReport = emptyReport();
  #writing: Promise<void> = Promise.resolve();
  #lastHeardMs = performance.now();
  #isClosed = false;

  constructor(ports: Pick<Ports, "transact" | "log" | "leaseMs">, job: { id: string; leaseToken: string; timeLimitMs: number }) {
    this.#ports = ports;
    this.#jobId = job.id;
    this.#token = job.leaseToken;
    this.#beat = setInterval(() => this.#flush(), ports.leaseMs * HEARTBEAT_PART);
    this.#limit = setTimeout(() => this.stop("time_limit"), job.timeLimitMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Why the attempt was stopped; null while it was not. The first reason stays. */
  get abortReason(): AbortReason | null {
    const reason: unknown = this.#abort.signal.reason;
    return reason instanceof JobAborted ? reason.reason : null;
  }

  stop(reason: AbortReason): void {
    if (!this.#abort.signal.aborted) this.#abort.abort(new JobAborted(reason));
  }

  report(report: JobReport): void {
    if (this.#isClosed) return;
    const pending = this.#pending;
    if (report.progress !== undefined) pending.progress = report.progress;
    if (report.progressText !== undefined) pending.progressText = report.progressText;
    pending.logs.push(...(report.logs ?? []));
    pending.metrics.push(...(report.metrics ?? []));
    this.#flushTimer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#beat);
    clearTimeout(this.#limit);
    if (this.#flushTimer !== null) this.#flush();
    await this.#writing;
  }

  #flush(): void {
    if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
    this.#flushTimer = null;
    const report = this.#pending;
    this.#pending = emptyReport();
    // One write after the other: log lines keep their order.
    this.#writing = this.#writing.then(() => this.#write(report));
  }

  async #write(report: PendingReport): Promise<void> {
    if (this.abortReason === "lease_lost") return;
    try {
      const answer = await this.#ports.transact((tx) => heartbeatJob(tx, this.#jobId, this.#token, toReport(report), this.#ports.leaseMs));
      this.#lastHeardMs = performance.now();
      if (answer.kind === "lost") this.stop("lease_lost");
      else if (answer.cancelRequested) this.stop("cancelled");
    } catch (error) {
      this.#ports.log.warn({ err: error, jobId: this.#jobId }, "a heartbeat could not be written");
      if (performance.now() - this.#lastHeardMs > this.#ports.leaseMs * GIVE_UP_PART) this.stop("lease_lost");
    }
  }
}

type PendingReport = {
  progress?: number | null;
  progressText?: string;
  logs: NewLogLine[];
  metrics: { name: string; step: number; value: number }[];
};

function emptyReport(): PendingReport {
  return { logs: [], metrics: [] };
}

/** Only what there is: an empty report beats without telling live pages that something changed. */
function toReport({ logs, metrics, ...rest }: PendingReport): JobReport {
  return { ...rest, ...(logs.length > 0 ? { logs } : {}), ...(metrics.length > 0 ? { metrics } : {}) };
}
