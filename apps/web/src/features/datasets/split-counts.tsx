import type { DatasetSummary } from "@flotilla/fleet";
import { formatCount, formatShare } from "../../lib/format.ts";
import { countOf, splitNames, splitUses } from "./dataset-words.tsx";

/** How many examples each split has, and what it is for. */
export function SplitCounts({ summary: { counts } }: { summary: DatasetSummary }) {
  const total = countOf(counts);
  return (
    <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border bg-line shadow-lift sm:grid-cols-4">
      {splitNames.map((split) => (
        <div key={split} className="bg-surface p-3">
          <dt className="text-xs text-muted">{split}</dt>
          <dd><span className="mt-0.5 block text-lg leading-7 font-semibold tracking-tight tabular">{formatCount(counts[split])}</span><span className="text-xs text-muted tabular">{formatShare(counts[split], total)}, {splitUses[split]}</span></dd>
        </div>
      ))}
    </dl>
  );
}
