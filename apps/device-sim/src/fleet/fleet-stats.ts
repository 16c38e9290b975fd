import { LatencyHistogram } from "@flotilla/protocol";

/** How an install ended on a device. `rolled_back`: the new model ran, was not good, and the one before it was put back. */
export type InstallEnd = "succeeded" | "failed" | "rolled_back";

export type Quantiles = { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null; readonly max: number | null };

/** What a simulated fleet has done so far. Milliseconds; percentiles come from merged histograms. */
export type FleetNumbers = {
  readonly devices: number;
  readonly enrolled: number;
  readonly online: number;
  readonly elapsedMs: number;
  readonly syncs: number;
  /** Since the last look. */
  readonly syncsPerSecond: number;
  readonly syncLatencyMs: Quantiles;
  readonly errors: Readonly<Record<string, number>>;
  readonly installs: { readonly succeeded: number; readonly failed: number; readonly rolledBack: number; readonly byFailure: Readonly<Record<string, number>> };
  readonly artifacts: { readonly fetched: number; readonly bytes: number };
  readonly windows: { readonly produced: number; readonly acked: number; readonly dropped: number; readonly waiting: number };
  readonly inferences: { readonly count: number; readonly errors: number; readonly latencyMs: Quantiles };
  readonly crashes: number;
  readonly process: { readonly cpuSeconds: number; readonly cpuPercent: number; readonly rssBytes: number };
};

/** Counts what the devices of one simulation do. One for all of them: a count per device would be most of a small device. */
export class FleetStats {
  readonly syncMs = new LatencyHistogram();
  readonly inferenceMs = new LatencyHistogram();
  readonly errors = new Map<string, number>();
  readonly failures = new Map<string, number>();
  readonly windows = { produced: 0, acked: 0, dropped: 0 };
  syncs = 0;
  enrolled = 0;
  online = 0;
  succeeded = 0;
  failed = 0;
  rolledBack = 0;
  inferenceErrors = 0;
  crashes = 0;
  artifacts = 0;
  artifactBytes = 0;
  #lastLook = { atMs: 0, syncs: 0, cpuUs: 0 };

  synced(latencyMs: number): void {
    this.syncs += 1;
    this.syncMs.add(latencyMs);
  }

  error(kind: string): void {
    this.errors.set(kind, (this.errors.get(kind) ?? 0) + 1);
  }

  installed(end: InstallEnd, failureCode?: string): void {
    if (end === "succeeded") this.succeeded += 1;
    else if (end === "failed") this.failed += 1;
    else this.rolledBack += 1;
    if (failureCode !== undefined) this.failures.set(failureCode, (this.failures.get(failureCode) ?? 0) + 1);
  }

  /** The numbers at `elapsedMs`; rates are those since the look before. */
  look(devices: number, elapsedMs: number): FleetNumbers {
    const { user, system } = process.cpuUsage();
    const cpuUs = user + system;
    const seconds = Math.max((elapsedMs - this.#lastLook.atMs) / 1_000, 1e-3);
    const syncsPerSecond = (this.syncs - this.#lastLook.syncs) / seconds;
    const cpuPercent = (cpuUs - this.#lastLook.cpuUs) / seconds / 1e4;
    this.#lastLook = { atMs: elapsedMs, syncs: this.syncs, cpuUs };
    const { produced, acked, dropped } = this.windows;
    return {
      devices, enrolled: this.enrolled, online: this.online, elapsedMs, syncs: this.syncs, syncsPerSecond, syncLatencyMs: quantilesOf(this.syncMs),
      errors: Object.fromEntries(this.errors),
      installs: { succeeded: this.succeeded, failed: this.failed, rolledBack: this.rolledBack, byFailure: Object.fromEntries(this.failures) },
      artifacts: { fetched: this.artifacts, bytes: this.artifactBytes },
      windows: { produced, acked, dropped, waiting: produced - acked - dropped },
      inferences: { count: this.inferenceMs.count, errors: this.inferenceErrors, latencyMs: quantilesOf(this.inferenceMs) },
      crashes: this.crashes,
      process: { cpuSeconds: cpuUs / 1e6, cpuPercent, rssBytes: process.memoryUsage.rss() },
    };
  }
}

function quantilesOf(histogram: LatencyHistogram): Quantiles {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => histogram.quantile(q));
  return { p50: p50 ?? null, p95: p95 ?? null, p99: p99 ?? null, max: histogram.count === 0 ? null : histogram.maxMs };
}
