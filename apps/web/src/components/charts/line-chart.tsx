"use client";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import type uPlot from "uplot";
import { formatCount, formatDateTime, formatDayClock, formatNoun } from "../../lib/format.ts";
import { ChartFrame } from "./chart-frame.tsx";
import { lineOptions, type ChartLine, type Overlay } from "./line-options.ts";
import { UplotCanvas } from "./uplot-canvas.tsx";
import { MarkerList, type ChartMarker } from "./markers.tsx";

export type LineChartProps = {
  title: string; subtitle?: ReactNode; finding: string;
  /** Seconds since 1970, rising. */
  xs: readonly number[];
  stepSeconds: number;
  lines: readonly ChartLine[];
  /** Samples behind each step, for tooltip and table. */
  counts?: readonly (number | null)[];
  format: (value: number | null) => string;
  markers?: readonly ChartMarker[];
  limit?: { value: number; label: string };
  scale?: "linear" | "log";
  height?: number;
  /** From here on (seconds) nothing has been heard: hatched, not empty. */
  silentFrom?: number | null;
  /** Called with ms when a person drags over the plot or zooms by key. */
  onZoom?: (range: { fromMs: number; toMs: number }) => void;
  controls?: ReactNode;
  /** Under the plot, on the same gutters: e.g. how many samples each step has. */
  below?: ReactNode;
  /** Over the plot when there is nothing to draw: which of the several nothings it is. */
  empty?: { title: string; hint: string; nobody: boolean } | undefined;
};

/** Lines over time with gaps, change markers, a table view, and points that can be walked through by arrow keys. */
export function LineChart(props: LineChartProps) {
  const { xs, lines, counts, format, stepSeconds, height = 240 } = props;
  const [index, setIndex] = useState<number | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [plot, setPlot] = useState<uPlot | null>(null);
  const shown = lines.filter((line) => !hidden.has(line.key));
  // What the plot's hooks read when they run: they outlive the render that made them.
  const latest = useRef<Overlay>({ markers: [], silentFrom: null, limit: null, onZoom: undefined });
  useEffect(() => {
    latest.current = { markers: props.markers ?? [], silentFrom: props.silentFrom ?? null, limit: props.limit ?? null, onZoom: props.onZoom };
  });

  const structure = shown.map((line) => [line.key, line.color, line.dash?.join(), line.width, line.faint].join("|")).join(";");
  const scale = props.scale ?? "linear";
  const limitValue = props.limit?.value ?? null;
  const options = useMemo(
    () => lineOptions({ lines: shown, scale, stepSeconds, format, limitValue, canZoom: props.onZoom !== undefined, onCursor: setIndex, latest: () => latest.current }),
    // The structure string stands for `shown`: data must not recreate the plot.
    // oxlint-disable-next-line react/exhaustive-deps
    [structure, scale, stepSeconds, format, limitValue, props.onZoom !== undefined],
  );
  const data = useMemo(() => [[...xs], ...shown.map((line) => [...line.values])] as uPlot.AlignedData,
    // oxlint-disable-next-line react/exhaustive-deps
    [xs, lines, hidden]);

  const overlayKey = `${props.markers?.map((marker) => marker.atMs).join() ?? ""}|${props.silentFrom ?? ""}`;
  useEffect(() => plot?.redraw(false), [plot, overlayKey]);

  const moveTo = (next: number) => {
    const at = xs[next];
    if (plot === null || at === undefined) return;
    plot.setCursor({ left: plot.valToPos(at, "x"), top: plot.over.clientHeight / 2 });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = keyTarget(event.key, index, xs.length);
    if (next !== null) {
      event.preventDefault();
      moveTo(next);
    } else if (event.key === "Escape" && index !== null) {
      event.stopPropagation();
      plot?.setCursor({ left: -10, top: -10 });
    }
  };

  const hasData = lines.some((line) => line.values.some((value) => value !== null));
  const rows = useTableRows(props);
  return (
    <ChartFrame
      title={props.title} subtitle={props.subtitle} finding={props.finding} controls={props.controls} rows={rows}
      columns={[{ key: "t", label: "Time" }, ...lines.map((line) => ({ key: line.key, label: line.label, numeric: true })), ...(counts === undefined ? [] : [{ key: "count", label: "Samples", numeric: true }])]}
      legend={lines.length > 1 ? <Legend lines={lines} hidden={hidden} onToggle={(key) => setHidden((set) => toggled(set, key))} /> : undefined}
    >
      {!hasData && props.empty !== undefined
        ? <NothingToDraw height={height} {...props.empty} />
        : <Plot name={`${props.title}. ${props.finding} Arrow keys read single points.`} onKeyDown={onKeyDown} onBlur={() => plot?.setCursor({ left: -10, top: -10 })}>
          <UplotCanvas options={options} data={data} height={height} onReady={setPlot} />
          {index !== null && hasData && <Tooltip plot={plot} index={index} xs={xs} stepSeconds={stepSeconds} lines={shown} counts={counts} format={format} />}
        </Plot>}
      {props.below}
      <p aria-live="polite" className="sr-only">{index === null ? "" : reading(index, xs, shown, counts, format)}</p>
      {props.markers !== undefined && props.markers.length > 0 && <MarkerList markers={props.markers} />}
    </ChartFrame>
  );
}

/** A picture one can walk through: named by its finding, read point by point in a live region beside it. */
export function Plot({ name, onKeyDown, onBlur, children }: { name: string; onKeyDown: (event: KeyboardEvent) => void; onBlur: () => void; children: ReactNode }) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      role="img" tabIndex={0} aria-label={name} className="chart-plot" onKeyDown={onKeyDown} onBlur={onBlur}
    >
      {children}
    </div>
  );
}

/** No axes: a scale without values would be made up. Nobody there to measure is hatched, nothing measured is not. */
export function NothingToDraw({ title, hint, nobody, height }: { title: string; hint: string; nobody: boolean; height: number }) {
  return (
    <div className={`grid place-items-center rounded-lg border border-dashed border-line-strong p-6 text-center text-pretty ${nobody ? "chart-hatched" : ""}`} style={{ minHeight: height }}>
      <p className="rounded-md bg-surface px-4 py-2 text-muted"><strong className="block font-semibold text-ink">{title}</strong>{hint}</p>
    </div>
  );
}

export function keyTarget(key: string, index: number | null, length: number): number | null {
  if (length === 0) return null;
  const last = length - 1;
  switch (key) {
    case "ArrowLeft": return Math.max(0, (index ?? length) - 1);
    case "ArrowRight": return Math.min(last, (index ?? -1) + 1);
    case "PageUp": return Math.max(0, (index ?? length) - 10);
    case "PageDown": return Math.min(last, (index ?? -1) + 10);
    case "Home": return 0;
    case "End": return last;
    default: return null;
  }
}

function reading(index: number, xs: readonly number[], lines: readonly ChartLine[], counts: LineChartProps["counts"], format: LineChartProps["format"]): string {
  const at = xs[index];
  if (at === undefined) return "";
  const values = lines.map((line) => `${line.label} ${line.values[index] == null ? "no sample" : format(line.values[index] ?? null)}`);
  const samples = counts?.[index];
  return [`${formatDayClock(at * 1000)}`, ...values, ...(samples == null ? [] : [formatNoun(samples, "sample")])].join(", ");
}

function useTableRows({ xs, lines, counts, format }: LineChartProps) {
  return useMemo(() => xs
    .map((x, i) => ({
      key: String(x),
      cells: [formatDayClock(x * 1000), ...lines.map((line) => format(line.values[i] ?? null)), ...(counts === undefined ? [] : [formatCount(counts[i] ?? 0)])],
    }))
    .reverse(), [xs, lines, counts, format]);
}

export function toggled(set: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(key)) next.add(key);
  return next;
}

/** Names of the lines; each switches its line off and on. */
export function Legend({ lines, hidden, onToggle }: { lines: readonly ChartLine[]; hidden: ReadonlySet<string>; onToggle: (key: string) => void }) {
  return lines.map((line) => {
    const on = !hidden.has(line.key);
    return (
      <button
        key={line.key} type="button" aria-pressed={on} onClick={() => onToggle(line.key)}
        className={`inline-flex items-center gap-1.5 rounded px-1 py-0.5 hover:bg-hover max-sm:min-h-9 ${on ? "" : "text-muted line-through"}`}
      >
        <LineSwatch color={line.color} dash={line.dash} faint={line.faint === true || !on} />
        {line.label}
      </button>
    );
  });
}

export function LineSwatch({ color, dash, faint }: { color: string; dash?: readonly number[] | undefined; faint?: boolean }) {
  return (
    <svg width="18" height="8" aria-hidden="true" opacity={faint === true ? 0.4 : 1}>
      <line x1="0" y1="4" x2="18" y2="4" stroke={`var(${color})`} strokeWidth="2" strokeDasharray={dash?.join(" ")} />
    </svg>
  );
}

function Tooltip({ plot, index, xs, stepSeconds, lines, counts, format }: {
  plot: uPlot | null; index: number; xs: readonly number[]; stepSeconds: number; lines: readonly ChartLine[]; counts: LineChartProps["counts"]; format: LineChartProps["format"];
}) {
  const at = xs[index];
  if (plot === null || at === undefined) return null;
  const left = plot.valToPos(at, "x") + plot.over.offsetLeft;
  const onRight = left < plot.width / 2;
  const samples = counts?.[index];
  return (
    <div className="chart-tooltip" style={onRight ? { left: left + 12, top: 8 } : { right: plot.width - left + 12, top: 8 }} aria-hidden="true">
      <div className="font-medium">{formatDateTime(at * 1000)}</div>
      <div className="mb-1 text-muted">{stepSeconds >= 60 ? `step of ${stepSeconds / 60} min` : `step of ${stepSeconds} s`}{samples == null ? "" : ` · ${formatNoun(samples, "sample")}`}</div>
      {lines.map((line) => (
        <div key={line.key} className="flex items-center gap-2">
          <LineSwatch color={line.color} dash={line.dash} faint={line.faint ?? false} />
          <span className="truncate">{line.label}</span>
          <span className="ml-auto pl-3">{line.values[index] == null ? "no sample" : format(line.values[index] ?? null)}</span>
        </div>
      ))}
    </div>
  );
}
