"use client";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import type uPlot from "uplot";
import { ChartFrame } from "../../components/charts/chart-frame.tsx";
import { keyTarget, Legend, LineSwatch, NothingToDraw, Plot, toggled } from "../../components/charts/line-chart.tsx";
import type { ChartLine } from "../../components/charts/line-options.ts";
import { UplotCanvas } from "../../components/charts/uplot-canvas.tsx";
import { curveOptions, type CurveScale, type Zoom } from "./curve-options.ts";
import { tableRows, valueUpTo } from "./curve-reading.ts";

export type CurveChartProps = {
  title: string; subtitle?: ReactNode; finding: string;
  /** Rising: steps, epochs or seconds, as `formatX` writes them on the axis and `nameX` in words. */
  xs: readonly number[]; xLabel: string; formatX: (x: number) => string; nameX: (x: number) => string;
  lines: readonly ChartLine[]; format: (value: number | null) => string;
  scale: CurveScale; height?: number; syncKey: string;
  zoom: Zoom | null; onZoom: (zoom: Zoom | null) => void;
  /** What to say while there is nothing to draw. */
  empty: { title: string; hint: string };
};

/** Curves of a run: cursors move together with the other charts, a drag zooms all, arrow keys read points, and a table says the same. */
export function CurveChart(props: CurveChartProps) {
  const { xs, lines, format, height = 240, scale, syncKey, zoom, formatX } = props;
  const [index, setIndex] = useState<number | null>(null);
  const [byKey, setByKey] = useState(false);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [plot, setPlot] = useState<uPlot | null>(null);
  const shown = lines.filter((line) => !hidden.has(line.key));
  const latest = useRef<{ zoom: Zoom | null; onZoom: (zoom: Zoom) => void }>({ zoom, onZoom: props.onZoom });
  useEffect(() => {
    latest.current = { zoom, onZoom: props.onZoom };
  });
  const structure = shown.map((line) => [line.key, line.label, line.color, line.dash?.join(), line.width, line.faint].join("|")).join(";");
  const options = useMemo(
    () => curveOptions({ lines: shown, scale, syncKey, format, formatX, onCursor: setIndex, latest: () => latest.current }),
    // The structure string stands for `shown`: data must not recreate the plot.
    // oxlint-disable-next-line react/exhaustive-deps
    [structure, scale, syncKey, format, formatX],
  );
  const data = useMemo(() => [[...xs], ...shown.map((line) => [...line.values])] as uPlot.AlignedData,
    // oxlint-disable-next-line react/exhaustive-deps
    [xs, lines, hidden]);
  useEffect(() => {
    // The scales ask again where the axis begins and ends.
    if (plot !== null) plot.setData(plot.data, true);
  }, [plot, zoom?.from, zoom?.to]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const next = keyTarget(event.key, index, xs.length);
    const at = next === null ? undefined : xs[next];
    if (at !== undefined && plot !== null) {
      event.preventDefault();
      setByKey(true);
      plot.setCursor({ left: plot.valToPos(at, "x"), top: plot.over.clientHeight / 2 });
    } else if (event.key === "Escape" && index !== null) {
      event.stopPropagation();
      plot?.setCursor({ left: -10, top: -10 });
    }
  };
  const leave = (): void => {
    setByKey(false);
    plot?.setCursor({ left: -10, top: -10 });
  };
  const hasData = lines.some((line) => line.values.some((value) => value !== null));
  const rows = useMemo(() => tableRows({ xs, lines, format, nameX: props.nameX }), [xs, lines, format, props.nameX]);
  return (
    <ChartFrame
      title={props.title} subtitle={props.subtitle} finding={props.finding} rows={rows}
      columns={[{ key: "x", label: props.xLabel }, ...lines.map((line) => ({ key: line.key, label: line.label, numeric: true }))]}
      legend={lines.length > 1 ? <Legend lines={lines} hidden={hidden} onToggle={(key) => setHidden((set) => toggled(set, key))} /> : undefined}
    >
      {!hasData ? <NothingToDraw height={height} nobody={false} {...props.empty} /> : (
        <Plot name={`${props.title}. ${props.finding} Arrow keys read single points.`} onKeyDown={onKeyDown} onBlur={leave}>
          <UplotCanvas options={options} data={data} height={height} onReady={setPlot} />
          {index !== null && <CurveTooltip plot={plot} index={index} chart={props} lines={shown} />}
        </Plot>
      )}
      <p aria-live="polite" className="sr-only">{byKey && index !== null ? readingAt(index, props, shown) : ""}</p>
    </ChartFrame>
  );
}

function readingAt(index: number, { xs, format, nameX }: CurveChartProps, lines: readonly ChartLine[]): string {
  const at = xs[index];
  return at === undefined ? "" : [nameX(at), ...lines.map((line) => `${line.label} ${format(valueUpTo(line.values, index))}`)].join(", ");
}

function CurveTooltip({ plot, index, chart, lines }: { plot: uPlot | null; index: number; chart: CurveChartProps; lines: readonly ChartLine[] }) {
  const at = chart.xs[index];
  if (plot === null || at === undefined) return null;
  const left = plot.valToPos(at, "x") + plot.over.offsetLeft;
  return (
    <div className="chart-tooltip" style={left < plot.width / 2 ? { left: left + 12, top: 8 } : { right: plot.width - left + 12, top: 8 }} aria-hidden="true">
      <div className="mb-1 font-medium">{chart.nameX(at)}</div>
      {lines.map((line) => (
        <div key={line.key} className="flex items-center gap-2">
          <LineSwatch color={line.color} dash={line.dash} faint={line.faint ?? false} />
          <span className="truncate">{line.label}</span>
          <span className="ml-auto pl-3">{chart.format(valueUpTo(line.values, index))}</span>
        </div>
      ))}
    </div>
  );
}
