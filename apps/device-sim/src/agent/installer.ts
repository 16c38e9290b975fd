import type { ArtifactRef, DeviceClass } from "@flotilla/protocol";
import type { Logger } from "pino";
import { backoffMs } from "./backoff.ts";
import type { Blobs } from "./blobs.ts";
import type { Clock } from "./clock.ts";
import { isInterruptible, nextStep, transition, type AgentEvent, type Step } from "./decide.ts";
import { diskFailureCode, type Disk } from "./disk.ts";
import { InstallFailure, failureOf } from "./install-failure.ts";
import { performStep } from "./install-steps.ts";
import type { ModelPort } from "./model.ts";
import type { Random } from "./random.ts";
import type { Runner } from "./runner.ts";
import { digestsOf } from "./slots.ts";
import { loadState, saveState, type AgentState } from "./state.ts";

/** How long a new model is watched before it is kept: until it has answered so often, or (without inferences) for so long. */
export type Probation = { readonly inferences: number; readonly ms: number };

export type InstallerOptions = {
  readonly disk: Disk;
  readonly blobs: Blobs;
  readonly models: ModelPort;
  readonly runner: Runner;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly deviceClass: DeviceClass;
  readonly probation: Probation;
  /** Wait between attempts of one deployment. */
  readonly retryBackoff: { readonly baseMs: number; readonly capMs: number };
  /** Called after every change of the state. */
  readonly onChange: (state: AgentState) => void;
};

/**
 * The only writer of the agent's state: takes steps one after the other and stores what became of each. News (targets, commands)
 * interrupt a step that has not switched yet; while a new model is on probation they wait until it is kept or left.
 */
export type Installer = {
  state(): AgentState;
  /** Download of the newest deployment; null when it is not known how much there is. */
  progress(): { readonly bytesDone: number; readonly bytesTotal: number } | null;
  /** Hands in news; returns at once. */
  post(event: AgentEvent): void;
  /** Resolves when no news waits and no step is left to take. */
  atRest(): Promise<void>;
  /** Works until the signal fires. */
  run(signal: AbortSignal): Promise<void>;
};

/** Space that a download must leave free for the agent's own files. */
const RESERVE_BYTES = 16 * 2 ** 20;

/** Pause before a step that may not fail is taken again. */
const STEP_RETRY_MS = 1_000;

/** Pause before a state that the disk did not take is offered again. */
const SAVE_AGAIN_MS = 5_000;

/** These must be durable before anything is done that relies on them; the others may be redone after a power cut. */
const DURABLE_FIRST: readonly AgentEvent["kind"][] = ["slot_opened_for_writing", "probe_passed"];

export async function createInstaller(options: InstallerOptions): Promise<Installer> {
  const { disk, clock, log } = options;
  let state = await loadState(disk);
  let progress: { bytesDone: number; bytesTotal: number } | null = null;
  let attempt = { key: "", deadlineMs: 0 };
  let retryAtMs = 0;
  /** The disk did not take the newest state: it is offered again. */
  let isUnsaved = false;
  const inbox: AgentEvent[] = [];
  let interruption = new AbortController();
  let wake: () => void = () => undefined;
  let isResting = false;
  /** Resolved while it rests. */
  let rest = Promise.withResolvers<void>();

  function post(event: AgentEvent): void {
    if (transition(state, event) === state && inbox.length === 0 && !isSwitching()) return;
    inbox.push(event);
    if (isResting) {
      isResting = false;
      rest = Promise.withResolvers<void>();
    }
    if (!isSwitching()) interruption.abort(new Error("superseded"));
    wake();
  }

  const isSwitching = (): boolean => state.deployment?.phase === "probation" || state.deployment?.phase === "reverting";

  async function apply(event: AgentEvent): Promise<void> {
    const before = state;
    const next = transition(state, event);
    if (next === state) return;
    try {
      await saveState(disk, next);
      isUnsaved = false;
    } catch (error) {
      if (DURABLE_FIRST.includes(event.kind)) throw new InstallFailure(diskFailureCode(error), `the state cannot be stored: ${String(error)}`);
      log.error({ err: String(error) }, "the state cannot be stored; going on from memory");
      isUnsaved = true;
    }
    state = next;
    if (event.kind === "target") progress = null;
    if (event.kind === "slot_damaged" && before.active === event.slot) await runActive();
    noteChange(before, next, event);
    options.onChange(next);
  }

  async function saveAgain(): Promise<void> {
    await saveState(disk, state).then(() => (isUnsaved = false), () => undefined);
  }

  /** After the active slot was lost: run what is left. */
  async function runActive(): Promise<void> {
    const slot = state.active === null ? null : state.slots[state.active];
    if (state.active === null || slot === null || slot.state === "empty") await options.runner.unload();
    else options.runner.keep(state.active, slot.content);
  }

  function noteChange(before: AgentState, next: AgentState, event: AgentEvent): void {
    const { deployment } = next;
    if (deployment === null || deployment.phase === before.deployment?.phase && deployment.attempt === before.deployment.attempt) return;
    if (event.kind === "failed" && deployment.phase === "downloading") {
      retryAtMs = clock.monotonicMs() + backoffMs(deployment.attempt - 1, options.random, options.retryBackoff);
      log.warn({ code: event.code, detail: event.detail, attempt: deployment.attempt }, "install attempt failed; another one follows");
    } else if (deployment.phase === "failed") log.error({ targetVersion: next.target?.targetVersion, failure: deployment.failure }, "install failed");
    else log.info({ targetVersion: next.target?.targetVersion, phase: deployment.phase, build: next.target?.build?.name ?? null }, "install moved on");
  }

  /** One attempt has one deadline, whatever number of steps it takes. */
  function deadlineMs(): number {
    const key = `${state.target?.targetVersion}/${state.deployment?.attempt}`;
    if (attempt.key !== key) attempt = { key, deadlineMs: clock.monotonicMs() + (state.target?.attemptTimeoutMs ?? 0) };
    return attempt.deadlineMs;
  }

  async function collectGarbage(): Promise<void> {
    const keep = new Set([state.slots.a, state.slots.b].flatMap((slot) => (slot.state === "empty" ? [] : digestsOf(slot.content))));
    await options.blobs.collect(keep).catch((error: unknown) => log.warn({ err: String(error) }, "old artifacts could not be removed"));
  }

  async function checkSpace(refs: readonly ArtifactRef[]): Promise<void> {
    const needed = (await options.blobs.missingBytes(refs)) + RESERVE_BYTES;
    const free = await disk.freeBytes();
    if (free < needed) throw new InstallFailure("disk_full", `needs ${needed} bytes of disk, ${free} are free`);
  }

  /** Takes one step; what it threw becomes an event. Returns when the step is done, given up or failed. */
  async function take(step: Exclude<Step, { kind: "idle" }>, signal: AbortSignal): Promise<void> {
    const interruptible = isInterruptible(state);
    const timeout = new AbortController();
    const stop = AbortSignal.any([signal, ...(interruptible ? [interruption.signal, timeout.signal] : [])]);
    const timer = new AbortController();
    if (interruptible) {
      void clock.sleep(deadlineMs() - clock.monotonicMs(), timer.signal).then(() => {
        if (!timer.signal.aborted) timeout.abort(new InstallFailure("timeout", "the attempt took longer than it may"));
      });
    }
    try {
      await performStep(step, {
        ...options,
        signal: stop,
        state: () => state,
        apply,
        checkSpace,
        remainingMs: () => Math.max(deadlineMs() - clock.monotonicMs(), 1),
        progress: (bytesDone, bytesTotal) => {
          progress = { bytesDone, bytesTotal };
        },
      });
    } catch (error) {
      if (signal.aborted || (interruption.signal.aborted && interruptible)) return;
      const { code, detail } = failureOf(timeout.signal.aborted ? timeout.signal.reason : error);
      if (interruptible) return await apply({ kind: "failed", code, detail });
      log.error({ step: step.kind, code, detail }, "a step after the switch did not go through; trying again");
      await clock.sleep(STEP_RETRY_MS, signal);
    } finally {
      timer.abort();
    }
  }

  async function waitForNews(ms: number | null, signal: AbortSignal): Promise<void> {
    const news = new AbortController();
    wake = () => news.abort();
    if (inbox.length > 0) return;
    const either = AbortSignal.any([signal, news.signal]);
    if (ms !== null) return await clock.sleep(ms, either);
    await new Promise<void>((resolve) => {
      if (either.aborted) resolve();
      either.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  return {
    state: () => state,
    progress: () => progress,
    post,
    atRest: () => rest.promise,
    async run(signal) {
      while (!signal.aborted) {
        if (!isSwitching() && inbox.length > 0) {
          interruption = new AbortController();
          for (const event of inbox.splice(0)) await apply(event);
          continue;
        }
        const step = nextStep(state);
        if (step.kind === "idle") {
          if (isUnsaved) await saveAgain();
          // What the stored state still speaks of is not garbage.
          else await collectGarbage();
          if (inbox.length === 0) {
            isResting = true;
            rest.resolve();
          }
          await waitForNews(isUnsaved ? SAVE_AGAIN_MS : null, signal);
          continue;
        }
        const waitMs = state.deployment?.phase === "downloading" && state.deployment.attempt > 1 ? retryAtMs - clock.monotonicMs() : 0;
        if (waitMs > 0) {
          await waitForNews(waitMs, signal);
          continue;
        }
        await take(step, signal);
      }
    },
  };
}
