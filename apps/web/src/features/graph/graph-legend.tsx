import type { Colouring } from "./graph-canvas.tsx";
import type { DrawnGraph } from "./graph-queries.ts";
import { familyOf, operatorFamilies } from "./operator-family.ts";

/** What the colours mean; each box says its operator and its time in words, too. */
export function GraphLegend({ graph, colouring }: { graph: DrawnGraph; colouring: Colouring }) {
  const present = new Set(graph.nodes.filter(({ kind }) => kind === "node").map(({ opType }) => familyOf(opType)));
  if (colouring === "family" && present.size === 0) return null;
  return (
    <ul aria-label="Colours" className="flex flex-wrap gap-x-3 gap-y-1 border-b px-3 py-1.5 text-2xs text-muted">
      {colouring === "family" && operatorFamilies.filter(({ family }) => present.has(family)).map(({ family, label, color }) => <li key={family} className="inline-flex items-center gap-1"><span aria-hidden className="size-2.5 rounded-xs" style={{ background: `var(${color})` }} />{label}</li>)}
      {colouring === "family" && present.has("other") && <li>no colour: another operator</li>}
      {colouring === "time" && <li className="inline-flex items-center gap-1.5">quick<span aria-hidden className="h-2.5 w-24 rounded-xs border" style={{ background: "linear-gradient(to right, color-mix(in oklch, var(--chart-2) 4%, var(--raised)), color-mix(in oklch, var(--chart-2) 40%, var(--raised)))" }} />slow; without colour: not timed by itself</li>}
    </ul>
  );
}
