import type { MeasuringMode } from "@flotilla/protocol";
import type { Tensor, Tensors, TensorSpec } from "@flotilla/runtime";
import type { Logger } from "pino";
import { backoffMs } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Disk } from "./disk.ts";
import type { LatencyWindows } from "./latency-windows.ts";
import { ModelFailure, type InputSpec, type LiveModel, type Loss, type ModelPort } from "./model.ts";
import type { Random } from "./random.ts";
import { modelFilesOf, slotDamage } from "./slots.ts";
import type { SlotContent, SlotName } from "./state.ts";

/** Counts of the loop's own inferences since the slot was switched to. `crashes` are those this model is guilty of. */
export type RunHealth = { readonly inferences: number; readonly errors: number; readonly crashes: number; readonly lastError: string | null };

export type Running = {
  readonly slot: SlotName;
  readonly content: SlotContent;
  /** False while the model is being loaded again after its process died. */
  readonly live: boolean;
  /** Monotonic start of the present session. */
  readonly sinceMs: number;
  readonly health: RunHealth;
};

/** Keeps one model running in the inference process, feeds it on a schedule and counts how it goes. */
export type Runner = {
  /**
   * Runs the model of a slot in place of what runs now, after its files were read back and compared. When it cannot be loaded
   * the call rejects (`SlotDamaged`, `ModelFailure`) and what ran before goes on.
   */
  switchTo(slot: SlotName, content: SlotContent): Promise<void>;
  /** Gives up what runs now and loads this slot's model, trying until it works; returns at once. */
  keep(slot: SlotName, content: SlotContent): void;
  /** Runs no model. */
  unload(): Promise<void>;
  running(): Running | null;
  inputs(): readonly TensorSpec[] | null;
  /** One inference on inputs from outside; null when no model is live. */
  infer(feeds: Tensors): Promise<{ outputs: Record<string, Tensor>; latencyMs: number; content: SlotContent } | null>;
  /** Resolves at the next change of health or liveness. */
  changed(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
};

export type RunnerOptions = {
  readonly disk: Disk;
  readonly models: ModelPort;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly windows: LatencyWindows;
  readonly input: InputSpec;
  /** Distance of the loop's inferences; 0 runs none. */
  readonly intervalMs: number;
  /** Modes of the loop's own inferences and of those from outside. */
  readonly modes: { readonly loop: MeasuringMode; readonly outside: MeasuringMode };
  /** The files of the running slot are not what was installed. */
  readonly onDamaged: (slot: SlotName, detail: string) => void;
};

/** The bytes in a slot are not those that were installed there. */
export class SlotDamaged extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = "SlotDamaged";
  }
}

const REOPEN_BACKOFF = { baseMs: 500, capMs: 60_000 } as const;
/** A schedule that fell behind by more intervals than this starts anew instead of catching up. */
const MAX_BACKLOG_INTERVALS = 10;

type Current = { readonly slot: SlotName; readonly content: SlotContent; live: LiveModel | null; sinceMs: number; health: RunHealth; readonly stopping: AbortController };

export function createRunner(options: RunnerOptions): Runner {
  const { disk, models, clock, log, windows } = options;
  let current: Current | null = null;
  const waiters: (() => void)[] = [];
  const loops = new Set<Promise<void>>();

  const notify = (): void => {
    for (const wake of waiters.splice(0)) wake();
  };

  async function open(slot: SlotName, content: SlotContent): Promise<LiveModel> {
    const damage = await slotDamage(disk, slot, content);
    if (damage !== null) throw new SlotDamaged(damage);
    return await models.open(modelFilesOf(disk, slot, content), options.input);
  }

  function replaceCurrent(slot: SlotName, content: SlotContent): { before: Current | null; run: Current } {
    const before = current;
    const health = { inferences: 0, errors: 0, crashes: 0, lastError: null };
    const run: Current = { slot, content, live: null, sinceMs: clock.monotonicMs(), health, stopping: new AbortController() };
    current = run;
    return { before, run };
  }

  async function leave(left: Current | null): Promise<void> {
    left?.stopping.abort();
    await left?.live?.close().catch(() => undefined);
  }

  function afterLoss(run: Current, loss: Loss): void {
    run.live = null;
    const crashes = run.health.crashes + (loss.guilty ? 1 : 0);
    run.health = { ...run.health, crashes, lastError: loss.guilty ? loss.detail : run.health.lastError };
    log.warn({ guilty: loss.guilty, detail: loss.detail }, "the inference process died; loading the model again");
    notify();
    void revive(run, crashes);
  }

  /** Loads the model until it is there, slower each time it failed or was to blame; ends when another model takes its place. */
  async function revive(run: Current, failuresBefore: number): Promise<void> {
    const { signal } = run.stopping;
    for (let failures = failuresBefore; current === run && !signal.aborted; failures += 1) {
      if (failures > 0) await clock.sleep(backoffMs(failures, options.random, REOPEN_BACKOFF), signal);
      if (signal.aborted) return;
      try {
        const live = await open(run.slot, run.content);
        if (current !== run) return await live.close();
        return begin(run, live);
      } catch (error) {
        if (current !== run) return;
        if (error instanceof SlotDamaged) return options.onDamaged(run.slot, error.message);
        log.warn({ err: error instanceof Error ? error.message : String(error) }, "the model could not be loaded; trying again");
      }
    }
  }

  function begin(run: Current, live: LiveModel): void {
    run.live = live;
    run.sinceMs = clock.monotonicMs();
    notify();
    const loop = runSchedule(run, live).finally(() => loops.delete(loop));
    loops.add(loop);
    void live.lost.then((loss) => {
      if (run.live === live && current === run) afterLoss(run, loss);
    });
  }

  function count(run: Current, outcome: { latencyMs: number } | { error: string }): void {
    const key = { buildId: run.content.buildId, versionId: run.content.versionId, mode: options.modes.loop };
    if ("latencyMs" in outcome) {
      windows.record(key, outcome.latencyMs);
      run.health = { ...run.health, inferences: run.health.inferences + 1 };
    } else {
      windows.record(key, null);
      run.health = { ...run.health, errors: run.health.errors + 1, lastError: outcome.error };
    }
    notify();
  }

  /**
   * Inferences at fixed intended starts, one at a time. When one was still running at the intended start of the next, the wait is
   * part of the next one's latency: a stall is charged to every inference it delays. A late timer is not the model's and is not charged.
   */
  async function runSchedule(run: Current, live: LiveModel): Promise<void> {
    if (options.intervalMs === 0) return;
    const alive = (): boolean => run.live === live && current === run;
    let saidNoInput = false;
    let intendedMs = clock.monotonicMs() + options.random.uniform() * options.intervalMs;
    while (alive()) {
      const waitMs = intendedMs - clock.monotonicMs();
      if (waitMs > 0) await clock.sleep(waitMs, run.stopping.signal);
      if (!alive() || run.stopping.signal.aborted) return;
      const queuedMs = Math.max(-waitMs, 0);
      try {
        const { latencyMs } = await live.step();
        count(run, { latencyMs: latencyMs + queuedMs });
      } catch (error) {
        if (!alive()) return;
        if (error instanceof ModelFailure && error.kind === "crash") return count(run, { error: error.message });
        if (error instanceof ModelFailure && error.kind === "input") {
          if (!saidNoInput) log.warn({ err: error.message }, "no input for the inference loop");
          saidNoInput = true;
        } else count(run, { error: error instanceof Error ? error.message : String(error) });
      }
      intendedMs += options.intervalMs;
      const behindMs = clock.monotonicMs() - intendedMs;
      if (behindMs > MAX_BACKLOG_INTERVALS * options.intervalMs) intendedMs = clock.monotonicMs();
    }
  }

  return {
    async switchTo(slot, content) {
      if (current?.slot === slot && current.content.manifestSha256 === content.manifestSha256 && current.live !== null) return;
      const live = await open(slot, content);
      const { before, run } = replaceCurrent(slot, content);
      begin(run, live);
      await leave(before);
    },
    keep(slot, content) {
      const { before, run } = replaceCurrent(slot, content);
      notify();
      void leave(before).then(() => revive(run, 0));
    },
    async unload() {
      const before = current;
      current = null;
      notify();
      await leave(before);
    },
    running() {
      return current === null ? null : { slot: current.slot, content: current.content, live: current.live !== null, sinceMs: current.sinceMs, health: current.health };
    },
    inputs: () => current?.live?.inputs ?? null,
    async infer(feeds) {
      const run = current;
      if (run === null || run.live === null) return null;
      const key = { buildId: run.content.buildId, versionId: run.content.versionId, mode: options.modes.outside };
      try {
        const result = await run.live.infer(feeds);
        windows.record(key, result.latencyMs);
        return { ...result, content: run.content };
      } catch (error) {
        // Not counted against the model's health: whoever sent the input may be the cause.
        windows.record(key, null);
        throw error;
      }
    },
    changed(signal) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const onAbort = (): void => resolve();
        signal.addEventListener("abort", onAbort, { once: true });
        waiters.push(() => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        });
      });
    },
    async stop() {
      const before = current;
      current = null;
      notify();
      await leave(before);
      await Promise.all(loops);
    },
  };
}
