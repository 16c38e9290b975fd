import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { syntheticFeeds } from "./feeds.ts";
import { summarizeLatency } from "./latency-summary.ts";
import type { BenchmarkOptions, BenchmarkReport, OpenModel, Tensors } from "./types.ts";

/**
 * Why these: 50 warm-up runs pass the first calls (ten times slower); 1,024 runs give a p99 of ten samples; 10 s pass
 * through the bursts of other work on a shared machine.
 */
const WARMUP_RUNS = 50;
const MIN_RUNS = 1_024;
const MIN_DURATION_MS = 10_000;
const MAX_DURATION_MS = 60_000;
const INTERVAL_MS = 100;

/** Samples kept, whatever the duration: 8 MB. */
const SAMPLES_MAX = 1_000_000;

/** Timers wake up to a millisecond late; the last stretch is waited through by turns of the event loop. */
const TIMER_SLACK_MS = 1.5;

/**
 * Times a loaded model on synthetic inputs. "back-to-back" answers how fast it can be called; "scheduled" calls it at fixed
 * intended starts and counts latency from those, so that a stall is charged to every call it delays, and caches and clock
 * speed are as cold as in the field. The two are never comparable. Throws the signal's reason when aborted.
 */
export async function benchmarkModel(model: OpenModel, options: BenchmarkOptions = {}): Promise<BenchmarkReport> {
  const { warmup = WARMUP_RUNS, minRuns = MIN_RUNS, minDurationMs = MIN_DURATION_MS, maxDurationMs = MAX_DURATION_MS } = options;
  const { mode = "back-to-back", intervalMs = INTERVAL_MS, seed = 1, signal } = options;
  const feeds = syntheticFeeds(model.inputs, seed, options.dimensions);
  const begunAt = performance.now();
  const firstRunMs = await timeRun(model, feeds, begunAt);
  for (let run = 1; run < warmup && performance.now() - begunAt < maxDurationMs / 2; run += 1) {
    signal?.throwIfAborted();
    await model.run(feeds);
  }
  const samples: number[] = [];
  let lateStarts = 0;
  const startedAt = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    const elapsed = performance.now() - startedAt;
    const enough = samples.length >= minRuns && elapsed >= minDurationMs;
    if (samples.length > 0 && (enough || elapsed >= maxDurationMs || samples.length >= SAMPLES_MAX)) break;
    let intendedAt = performance.now();
    if (mode === "scheduled") {
      intendedAt = startedAt + samples.length * intervalMs;
      await waitUntil(intendedAt, signal);
      if (performance.now() - intendedAt > intervalMs) lateStarts += 1;
    }
    samples.push(await timeRun(model, feeds, intendedAt));
  }
  const durationMs = performance.now() - startedAt;
  const how = mode === "scheduled" ? `one run each ${intervalMs} ms, latency from the intended start` : "back to back";
  return {
    mode,
    intervalMs: mode === "scheduled" ? intervalMs : null,
    latencyMs: summarizeLatency(samples, `${how}; ${warmup} warm-up runs discarded; synthetic input, seed ${seed}`),
    firstRunMs,
    durationMs,
    lateStarts,
    samplesMs: Float64Array.from(samples),
  };
}

async function timeRun(model: OpenModel, feeds: Tensors, from: number): Promise<number> {
  await model.run(feeds);
  return performance.now() - from;
}

async function waitUntil(time: number, signal: AbortSignal | undefined): Promise<void> {
  const wait = time - performance.now() - TIMER_SLACK_MS;
  if (wait >= 1) await delay(wait, undefined, signal === undefined ? {} : { signal });
  while (performance.now() < time) await nextTurn();
}
