"use client";
import { CloudOff } from "lucide-react";
import { formatClock } from "../../lib/format.ts";
import { useLive } from "./live-provider.tsx";

/** Stands above the page while nothing is heard of the server: what is below is not of now. */
export function StaleBar() {
  const state = useLive();
  if (state.kind !== "disconnected") return null;
  return (
    <div role="alert" className="flex items-center gap-2 border-b border-bad/35 bg-bad-soft px-4 py-1.5 text-xs sm:px-6">
      <CloudOff size={14} aria-hidden className="shrink-0 text-bad" />
      Disconnected. The numbers below are from {formatClock(state.sinceMs)}; buttons try, and say when they could not.
    </div>
  );
}
