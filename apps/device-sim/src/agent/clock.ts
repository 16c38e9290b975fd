import { setTimeout as delay } from "node:timers/promises";

/** Time as the agent sees it. Every duration uses `monotonicMs`; `wallMs` is for display only and may jump. */
export type Clock = {
  monotonicMs(): number;
  wallMs(): number;
  /** Resolves after `ms`, or at once when the signal fires (never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

/** Longest delay a Node timer takes (2^31 − 1 ms); longer ones would fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  async sleep(ms, signal) {
    if (signal?.aborted === true) return;
    await delay(Math.min(Math.max(ms, 0), LONGEST_TIMER_MS), undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  },
};
