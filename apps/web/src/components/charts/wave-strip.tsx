"use client";
import "./charts.css";
import { Check, Circle, Hourglass, Minus, Play, X } from "lucide-react";
import { formatCount, formatPercent } from "../../lib/format.ts";

export type WaveStep = {
  position: number; percent: number;
  state: "pending" | "active" | "soaking" | "passed" | "failed" | "skipped";
  total: number; succeeded: number; failed: number;
  /** E.g. "soaks until 03:12"; printed under the wave in the large strip. */
  note?: string;
};

const LOOK = {
  pending: { icon: Circle, word: "waits", color: "--state-wait" },
  active: { icon: Play, word: "under way", color: "--state-busy" },
  soaking: { icon: Hourglass, word: "soaking", color: "--state-proving" },
  passed: { icon: Check, word: "passed", color: "--state-ok" },
  failed: { icon: X, word: "failed", color: "--state-bad" },
  skipped: { icon: Minus, word: "skipped", color: "--state-none" },
} as const;

/** "Wave 2 of 3 under way: 4 of 12 healthy, 1 failed." */
export function waveSentence(waves: readonly WaveStep[]): string {
  if (waves.length === 0) return "No waves.";
  const at = waves.find((wave) => wave.state === "active" || wave.state === "soaking" || wave.state === "failed") ?? waves.findLast((wave) => wave.state === "passed") ?? waves[0];
  if (at === undefined) return "No waves.";
  const failed = at.failed > 0 ? `, ${formatCount(at.failed)} failed` : "";
  return `Wave ${waves.indexOf(at) + 1} of ${waves.length} ${LOOK[at.state].word}: ${formatCount(at.succeeded)} of ${formatCount(at.total)} healthy${failed}.`;
}

/** Waves as steps in a row. `compact` for lists: one thin line; else each step with its words. */
export function WaveStrip({ waves, compact = false }: { waves: readonly WaveStep[]; compact?: boolean }) {
  if (compact) {
    return (
      <div role="img" aria-label={waveSentence(waves)} className="flex h-3.5 w-full min-w-20 items-stretch gap-0.5">
        {waves.map((wave) => (
          <div key={wave.position} title={`Wave ${wave.position + 1}: ${LOOK[wave.state].word}, ${formatCount(wave.succeeded)} of ${formatCount(wave.total)}`} className="flex flex-1 overflow-hidden rounded-[3px] bg-(--state-none)">
            <Fill wave={wave} />
          </div>
        ))}
      </div>
    );
  }
  return (
    <ol className="grid grid-cols-1 gap-2 sm:grid-flow-col sm:auto-cols-fr sm:grid-cols-none" aria-label={waveSentence(waves)}>
      {waves.map((wave, i) => {
        const look = LOOK[wave.state];
        const Icon = look.icon;
        return (
          <li key={wave.position} className="min-w-0">
            <div className="mb-1 flex items-center gap-1.5 text-xs">
              <Icon size={13} aria-hidden className="shrink-0" style={{ color: `var(${wave.state === "pending" || wave.state === "skipped" ? "--chart-muted" : look.color})` }} />
              <span className="font-medium">Wave {i + 1}</span>
              <span className="text-muted">to {formatPercent(wave.percent)}</span>
              <span className="ml-auto truncate">{look.word}</span>
            </div>
            <div className={`flex h-2.5 overflow-hidden rounded-full bg-(--state-none) ${wave.state === "active" || wave.state === "soaking" ? "ring-1 ring-(--state-busy) ring-offset-1 ring-offset-surface" : ""}`}><Fill wave={wave} /></div>
            <div className="mt-1 text-xs text-muted tabular-nums">
              {formatCount(wave.succeeded)} of {formatCount(wave.total)} healthy{wave.failed > 0 && <span className="text-bad"> · {formatCount(wave.failed)} failed</span>}
              {wave.note !== undefined && <span> · {wave.note}</span>}
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function Fill({ wave }: { wave: WaveStep }) {
  if (wave.total === 0) return null;
  const rest = wave.total - wave.succeeded - wave.failed;
  return (
    <>
      <div className="state-segment" style={{ flexGrow: wave.succeeded, minWidth: wave.succeeded > 0 ? 3 : 0, backgroundColor: `var(${wave.state === "soaking" ? "--state-proving" : "--state-ok"})` }} />
      <div className="state-segment" data-pattern="dotted" style={{ flexGrow: wave.failed, minWidth: wave.failed > 0 ? 3 : 0, backgroundColor: "var(--state-bad)" }} />
      <div className="state-segment" style={{ flexGrow: rest, minWidth: 0, backgroundColor: wave.state === "active" ? "color-mix(in oklch, var(--state-busy) 35%, var(--state-none))" : "var(--state-none)" }} />
    </>
  );
}
