import "./charts.css";
import { extent } from "./axis.ts";
import { sparkPath } from "./spark-path.ts";

/** A line the size of a word. Gaps stay gaps. Decorative unless `label` names its finding. */
export function Sparkline({ values, width = 88, height = 22, color = "--chart-p95", label, compare }: {
  values: readonly (number | null)[]; width?: number; height?: number; color?: string; label?: string;
  /** Drawn faint behind, on the same scale: the time before. */
  compare?: readonly (number | null)[];
}) {
  const range = extent([...values, ...(compare ?? [])]);
  const top = range === null ? 1 : Math.max(range.max, 1e-9);
  const box = { width, height, top };
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} className="block max-w-full overflow-visible" {...(label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label })}>
      {compare !== undefined && <path d={sparkPath(compare, box)} fill="none" stroke="var(--chart-muted)" strokeWidth="1" opacity="0.45" />}
      <path d={sparkPath(values, box)} fill="none" stroke={`var(${color})`} strokeWidth="1.5" strokeLinejoin="round" strokeLinecap="round" />
    </svg>
  );
}
