"use client";
import "./charts.css";
import { formatCount, formatShare } from "../../lib/format.ts";
import { partsFinding } from "./finding.ts";

/** A state among others: its word, its count, its colour (a CSS variable) and, where colour is not enough, a pattern. */
export type StatePart = { key: string; label: string; count: number; color: string; pattern?: "hatched" | "dotted" };

/** Counts of states as one bar whose length is the whole. Named by its sentence; parts of 0 take no room. */
export function StateBar({ parts, noun = "device", height = 14, label }: { parts: readonly StatePart[]; noun?: string; height?: number; label?: string }) {
  const total = parts.reduce((sum, part) => sum + part.count, 0);
  const sentence = partsFinding(parts, noun);
  return (
    <div role="img" aria-label={label === undefined ? sentence : `${label}: ${sentence}`} className="flex w-full gap-px overflow-hidden rounded-[4px] bg-(--state-none)" style={{ height }}>
      {total > 0 && parts.filter((part) => part.count > 0).map((part) => (
        <div key={part.key} title={`${part.label}: ${formatCount(part.count)} (${formatShare(part.count, total)})`} className="state-segment" data-pattern={part.pattern} style={{ flexGrow: part.count, flexBasis: 0, backgroundColor: `var(${part.color})` }} />
      ))}
    </div>
  );
}

/** The bar's legend in words; parts become buttons where `onPick` is given (they filter a list). */
export function StateLegend({ parts, picked, onPick, showZero = false }: { parts: readonly StatePart[]; picked?: string | null; onPick?: (key: string) => void; showZero?: boolean }) {
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-1 text-ui tabular-nums">
      {parts.filter((part) => showZero || part.count > 0).map((part) => (
        <li key={part.key}>
          {onPick === undefined
            ? <span className="inline-flex items-center gap-1.5"><LegendBody part={part} /></span>
            : (
              <button type="button" aria-pressed={picked === part.key} onClick={() => onPick(part.key)} className="inline-flex items-center gap-1.5 rounded px-1 py-0.5 -mx-1 hover:bg-hover aria-pressed:bg-hover aria-pressed:font-semibold max-sm:min-h-10">
                <LegendBody part={part} />
              </button>
            )}
        </li>
      ))}
    </ul>
  );
}

function LegendBody({ part }: { part: StatePart }) {
  return (
    <>
      <StateSwatch color={part.color} pattern={part.pattern} />
      <span className="font-medium">{formatCount(part.count)}</span>
      <span className="text-muted">{part.label}</span>
    </>
  );
}

/** The square of a state's colour and pattern. */
export function StateSwatch({ color, pattern }: { color: string; pattern?: StatePart["pattern"] | undefined }) {
  return <span aria-hidden="true" className="state-segment inline-block size-2.5 shrink-0 rounded-[3px]" data-pattern={pattern} style={{ backgroundColor: `var(${color})` }} />;
}
