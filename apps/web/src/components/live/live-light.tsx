"use client";
import { cn } from "../../lib/class-names.ts";
import { formatClock } from "../../lib/format.ts";
import { useNow } from "../../lib/use-now.ts";
import { POLL_EVERY_MS, type LiveState } from "./connection.ts";
import { useLive } from "./live-provider.tsx";

/** How fresh the page is, in words. */
export function LiveLight() {
  const state = useLive();
  useNow();
  const { words, dot, detail } = describe(state);
  return (
    <span title={detail} className={cn("inline-flex h-7 items-center gap-2 rounded-md px-2 text-xs text-muted", state.kind === "disconnected" && "bg-bad-soft font-medium text-bad", state.kind === "polling" && "bg-warn-soft text-warn")}>
      <span aria-hidden className={cn("size-2 shrink-0 rounded-full", dot, state.kind === "live" && "live-pulse")} />
      {/* Seconds would be read out one by one; the kind alone is news. */}
      <span aria-live="polite" className="sr-only">{state.kind}</span>
      <span aria-hidden>{words}</span>
    </span>
  );
}

function describe(state: LiveState): { words: string; dot: string; detail: string } {
  switch (state.kind) {
    case "connecting":
      return { words: "Connecting…", dot: "bg-muted", detail: "Opening the stream of changes" };
    case "live":
      return { words: "Live", dot: "bg-ok text-ok", detail: "Changes arrive as they happen" };
    case "delayed":
      return { words: `Delayed ${state.seconds} s`, dot: "bg-warn", detail: "Nothing was heard for a while; what you see may be a little old" };
    case "polling":
      return { words: `Polling every ${POLL_EVERY_MS / 1000} s`, dot: "bg-warn", detail: "The stream of changes is lost; the page asks by itself" };
    case "disconnected":
      return { words: `Disconnected since ${formatClock(state.sinceMs)}`, dot: "bg-bad", detail: `The server does not answer. What you see is from ${formatClock(state.sinceMs)}.` };
  }
}
