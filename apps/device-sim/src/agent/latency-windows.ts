import { LatencyHistogram, type MeasuringMode } from "@flotilla/protocol";
import type { Clock } from "./clock.ts";

/** What latencies are kept apart by. */
export type WindowKey = { readonly buildId: string; readonly versionId: string; readonly mode: MeasuringMode };

/** A finished window, ready for the ledger. `startMs` is monotonic within the boot that recorded it. */
export type ClosedWindow = WindowKey & {
  readonly startMs: number;
  readonly wallMs: number;
  readonly count: number;
  readonly errors: number;
  readonly sumMs: number;
  readonly minMs: number | null;
  readonly maxMs: number | null;
  readonly buckets: number[];
};

type OpenWindow = { readonly key: WindowKey; readonly index: number; readonly histogram: LatencyHistogram; errors: number };

/** Collects latencies into windows of `windowMs`, one per (build, version, mode). */
export type LatencyWindows = {
  /** `latencyMs` null counts a failed inference. */
  record(key: WindowKey, latencyMs: number | null): void;
  /** Takes out the windows whose time is over; `all` also those still running (before a clean stop). */
  takeClosed(all?: boolean): ClosedWindow[];
  /** Monotonic time at which the present windows end. */
  nextEndMs(): number;
};

/**
 * Windows follow the monotonic clock; their grid is laid on whole wall-clock multiples of `windowMs` once, at creation, so that
 * a window falls into one minute of the server's rollups as long as the wall clock is right, and never jumps when it is not.
 */
export function createLatencyWindows(windowMs: number, clock: Clock): LatencyWindows {
  const wallAtZero = clock.wallMs() - clock.monotonicMs();
  const gridMs = -(wallAtZero % windowMs);
  const indexAt = (nowMs: number): number => Math.floor((nowMs - gridMs) / windowMs);
  const open = new Map<string, OpenWindow>();
  const closed: ClosedWindow[] = [];

  function close(id: string, window: OpenWindow): void {
    open.delete(id);
    const { histogram, key, errors } = window;
    const startMs = gridMs + window.index * windowMs;
    const hasSamples = histogram.count > 0;
    closed.push({
      ...key,
      startMs,
      wallMs: Math.round(wallAtZero + startMs),
      count: histogram.count,
      errors,
      sumMs: histogram.sumMs,
      minMs: hasSamples ? histogram.minMs : null,
      maxMs: hasSamples ? histogram.maxMs : null,
      buckets: histogram.toSparse(),
    });
  }

  function windowFor(key: WindowKey): OpenWindow {
    const id = `${key.mode}/${key.versionId}/${key.buildId}`;
    const index = indexAt(clock.monotonicMs());
    const present = open.get(id);
    if (present !== undefined && present.index === index) return present;
    if (present !== undefined) close(id, present);
    const fresh: OpenWindow = { key, index, histogram: new LatencyHistogram(), errors: 0 };
    open.set(id, fresh);
    return fresh;
  }

  return {
    record(key, latencyMs) {
      const window = windowFor(key);
      if (latencyMs === null) window.errors += 1;
      else window.histogram.add(latencyMs);
    },
    takeClosed(all = false) {
      const index = indexAt(clock.monotonicMs());
      for (const [id, window] of open) if (all || window.index < index) close(id, window);
      return closed.splice(0);
    },
    nextEndMs: () => gridMs + (indexAt(clock.monotonicMs()) + 1) * windowMs,
  };
}
