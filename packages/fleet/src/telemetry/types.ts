export type LatencyGroupBy = "none" | "build" | "class" | "fleet" | "device" | "version";

export type LatencyQuery = {
  fleetId?: string | undefined; modelId?: string | undefined; buildId?: string | undefined; className?: string | undefined; deviceId?: string | undefined;
  /** Default: simulated and field are answered as separate series; never merged. */
  mode?: string | undefined;
  from: Date; to: Date;
  /** Seconds; null chooses so that ≤ 300 points come back. */
  stepSeconds: number | null;
  groupBy: LatencyGroupBy;
};

/** Milliseconds from merged histograms; null where there was no sample (not 0). */
export type LatencyPoint = { t: string; count: number; errors: number; p50: number | null; p90: number | null; p95: number | null; p99: number | null; max: number | null; mean: number | null };

export type LatencySeries = {
  /** Stable key, e.g. "build:bld_…", and what to print. */
  key: string; label: string; mode: string;
  points: LatencyPoint[];
  /** The whole range in one point. */
  total: LatencyPoint;
};

export type LatencyAnswer = {
  from: string; to: string; stepSeconds: number;
  series: LatencySeries[];
  /** Time × latency counts for the heatmap, all series of one mode together: rows of [slot, count, …] sparse pairs per point; slot edges by slotUpperMs. */
  heatmap: { mode: string; points: { t: string; buckets: number[] }[] }[];
  /** Rollout events in the range, for vertical markers. */
  markers: { t: string; kind: string; label: string; rolloutId: string }[];
  /** Why there may be nothing: no sample in the range, or no device that could report. */
  emptyReason: "none" | "no_samples" | "no_reporting_device";
  lastSampleAt: string | null;
};
