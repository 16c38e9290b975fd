"use client";
import { useRef } from "react";
import "./charts.css";
import { formatCompact, formatDayClock, formatNoun } from "../../lib/format.ts";
import { PLOT_LEFT, PLOT_RIGHT } from "./line-options.ts";
import { useWidth } from "./use-size.ts";

/** How many samples stand behind each step of the chart above it; errors in red on top. Same gutters, so columns line up. */
export function CountStrip({ xs, counts, errors, height = 34 }: { xs: readonly number[]; counts: readonly (number | null)[]; errors: readonly (number | null)[]; height?: number }) {
  const host = useRef<HTMLDivElement>(null);
  const width = useWidth(host);
  const most = Math.max(1, ...counts.map((count, i) => (count ?? 0) + (errors[i] ?? 0)));
  const total = sum(counts);
  const failed = sum(errors);
  const plotWidth = Math.max(1, width - PLOT_LEFT - PLOT_RIGHT);
  const step = plotWidth / Math.max(1, xs.length);
  return (
    <div ref={host} role="img" aria-label={`${formatNoun(total, "sample")}, ${formatNoun(failed, "error")} in this range; at most ${formatNoun(most, "sample")} in one step.`}>
      <svg width={width} height={height} aria-hidden="true" className="block text-[10px] tabular-nums">
        <text x={PLOT_LEFT - 6} y={10} textAnchor="end" fill="var(--chart-muted)">{formatCompact(most)}</text>
        <text x={PLOT_LEFT - 6} y={height - 2} textAnchor="end" fill="var(--chart-muted)">samples</text>
        {counts.map((count, i) => {
          const good = ((count ?? 0) / most) * (height - 2);
          const bad = ((errors[i] ?? 0) / most) * (height - 2);
          if (count === null && bad === 0) return null;
          return (
            <g key={xs[i]}>
              <rect x={PLOT_LEFT + i * step} width={Math.max(0.75, step - 0.75)} y={height - Math.max(good, 0.75)} height={Math.max(good, 0.75)} fill="var(--chart-axis)" />
              {bad > 0 && <rect x={PLOT_LEFT + i * step} width={Math.max(0.75, step - 0.75)} y={height - good - bad} height={Math.max(1, bad)} fill="var(--state-bad)" />}
              <title>{`${formatDayClock((xs[i] ?? 0) * 1000)}: ${formatNoun(count ?? 0, "sample")}`}</title>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function sum(values: readonly (number | null)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}
