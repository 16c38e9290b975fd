"use client";
import type { VersionInspection } from "@flotilla/fleet";
import { useRef } from "react";
import { Card } from "../../components/ui/card.tsx";
import { cn } from "../../lib/class-names.ts";
import { formatMs, formatNoun, formatPercent } from "../../lib/format.ts";

type Layer = VersionInspection["layers"][number];

/** More bars than this are not drawn; the table has all. */
const BARS_MAX = 400;

type LayerBarsProps = {
  layers: readonly Layer[]; chosen: number | null; onChoose: (position: number) => void;
  /** The layer under the pointer or with the focus, here or elsewhere on the page. */
  pointed: number | null; onPoint: (position: number | null) => void;
};

/** One bar per layer in the order of the run, its height its time. The chosen one is the table's, too. Arrow keys walk along. */
export function LayerBars({ layers, chosen, onChoose, pointed, onPoint }: LayerBarsProps) {
  const bars = useRef<HTMLDivElement>(null);
  const shown = layers.slice(0, BARS_MAX);
  const most = Math.max(...layers.map((layer) => layer.medianUs));
  const told = pointed ?? chosen;
  const current = told === null ? undefined : layers[told];
  const tabStop = chosen !== null && chosen < shown.length ? chosen : 0;
  const walk = (event: React.KeyboardEvent, position: number): void => {
    const to = { ArrowRight: position + 1, ArrowLeft: position - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (to === undefined || to < 0 || to >= shown.length) return;
    event.preventDefault();
    onChoose(to);
    bars.current?.querySelectorAll("button")[to]?.focus();
  };
  return (
    <Card title="Time along the run" subtitle={`${formatNoun(layers.length, "layer")} from the input (left) to the output, highest ${formatMs(most / 1000)}`}>
      <div ref={bars} role="group" aria-label="Layers by time, in the order of the run" className="flex h-28 items-end overflow-x-auto pt-1 pb-1">
        {shown.map((layer, position) => (
          <button
            key={`${position} ${layer.name}`} type="button" tabIndex={position === tabStop ? 0 : -1} aria-pressed={position === chosen}
            aria-label={`${position + 1}: ${layer.name}, ${layer.opType}, ${formatMs(layer.medianUs / 1000)}`} title={`${layer.name}\n${layer.opType}, ${formatMs(layer.medianUs / 1000)}, ${formatPercent(layer.sharePercent)}`}
            className={cn("flex h-full min-w-1.5 flex-1 items-end px-px", position === pointed && "bg-hover")} onClick={() => onChoose(position)} onKeyDown={(event) => walk(event, position)} onMouseEnter={() => onPoint(position)} onMouseLeave={() => onPoint(null)} onFocus={() => onPoint(position)} onBlur={() => onPoint(null)}
          >
            <span className={cn("block min-h-px w-full rounded-t-xs", position === chosen ? "bg-ink" : position === pointed ? "bg-accent-hover" : "bg-accent")} style={{ height: `${(layer.medianUs / most) * 100}%` }} />
          </button>
        ))}
      </div>
      <p role="status" className="mt-1 min-h-4 truncate text-xs text-muted">
        {current === undefined ? (layers.length > BARS_MAX ? `The first ${BARS_MAX} are drawn; the table has all.` : "Choose a bar to find its layer.") : <><span className="font-mono text-ink">{current.name}</span>, {current.opType}: {formatMs(current.medianUs / 1000)}, {formatPercent(current.sharePercent)}</>}
      </p>
    </Card>
  );
}
