"use client";
import { useSyncExternalStore } from "react";

const TICK_MS = 5_000;

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = Date.now();

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(onTick: () => void): () => void {
  listeners.add(onTick);
  if (timer === undefined) {
    timer = setInterval(tick, TICK_MS);
    // Nobody listened for a while, or the page has just been hydrated: the kept time is old.
    queueMicrotask(tick);
  }
  return () => {
    listeners.delete(onTick);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** On the server each render takes the time anew; in steps, so that one render sees one time. */
function serverNow(): number {
  return Math.floor(Date.now() / TICK_MS) * TICK_MS;
}

/** The present time in ms, fresh every five seconds: one clock for all ages on a page, so that they move together. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now, serverNow);
}
