"use client";
import type { CompareView } from "@flotilla/fleet";
import { useRef, useState } from "react";
import { ChartFrame } from "../../components/charts/chart-frame.tsx";
import { useWidth } from "../../components/charts/use-size.ts";
import { formatBytes, formatMs } from "../../lib/format.ts";
import { formatAccuracy } from "../optimizing/number-words.tsx";
import { frontLine, radiusOf, scaleOf, type Dot } from "./scatter-scale.ts";

/** ms at the median, and accuracy from 0 to 1; null draws no line. */
type Limits = { maxMs: number | null; floor: number | null };

const HEIGHT = 340;
const PAD = { left: 58, right: 24, top: 16, bottom: 40 };

/** Accuracy over time, size as area; what nothing beats is filled and on the line, what is beaten is hollow: shape says it, not colour. */
export function ParetoScatter({ view, ...limits }: { view: CompareView } & Limits) {
  const dots = dotsOf(view);
  const missing = view.versions.length - dots.length;
  const on = view.accuracyOn;
  return (
    <ChartFrame
      title="Accuracy, time and size" subtitle={`p50 across, accuracy${on === null ? "" : ` on ${on.datasetName} v${on.datasetNumber} ${on.split}`} upwards, size as area`}
      finding={findingOf(dots, missing)}
      columns={[{ key: "version", label: "Version" }, { key: "ms", label: "p50", numeric: true }, { key: "accuracy", label: "Accuracy", numeric: true }, { key: "size", label: "Size", numeric: true }, { key: "front", label: "On the front" }]}
      rows={view.versions.map((version) => ({ key: version.id, cells: [nameOf(version), formatMs(version.latencyMs?.p50 ?? null), formatAccuracy(version.accuracy?.value ?? null), formatBytes(version.sizeBytes), version.isOnFront === null ? "not known" : version.isOnFront ? "yes" : "no"] }))}
      legend={<><span className="inline-flex items-center gap-1.5"><svg aria-hidden width="12" height="12"><circle cx="6" cy="6" r="5" fill="var(--chart-1)" /></svg>on the Pareto front</span><span className="inline-flex items-center gap-1.5"><svg aria-hidden width="12" height="12"><circle cx="6" cy="6" r="4.5" fill="none" stroke="var(--chart-8)" strokeWidth="1.5" /></svg>beaten by another</span><span className="inline-flex items-center gap-1.5"><svg aria-hidden width="16" height="12"><path d="M0 6H16" stroke="var(--chart-limit)" strokeDasharray="4 3" strokeWidth="1.5" /></svg>your limit</span></>}
    >
      {dots.length === 0 ? <p className="rounded-md bg-sunken p-6 text-center text-muted">A point needs accuracy and a time that were measured alike. {view.latencyWhyNot ?? "Evaluate the versions on one split."}</p> : <Plot dots={dots} limits={limits} />}
    </ChartFrame>
  );
}

function nameOf(version: CompareView["versions"][number]): string {
  return `v${version.number}${version.label === null ? "" : ` ${version.label}`}`;
}

function dotsOf(view: CompareView): Dot[] {
  return view.versions.flatMap((version) => (version.accuracy === null || version.latencyMs === null ? [] : [{
    id: version.id, label: nameOf(version), latencyMs: version.latencyMs.p50, accuracy: version.accuracy.value, sizeBytes: version.sizeBytes,
    isOnFront: version.isOnFront === true, isBaseline: version.id === view.baselineId, isOffered: version.offered,
  }]));
}

function findingOf(dots: readonly Dot[], missing: number): string {
  const front = dots.filter(({ isOnFront }) => isOnFront).map(({ label }) => label);
  const left = missing === 0 ? "" : ` ${missing} cannot be drawn: a number is missing.`;
  return front.length === 0 ? `Nothing is known to be on the front.${left}` : `Nothing beats ${front.join("; ")} in size, time and accuracy at once.${left}`;
}

function Plot({ dots, limits: { maxMs, floor } }: { dots: readonly Dot[]; limits: Limits }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [over, setOver] = useState<string | null>(null);
  const right = Math.max(PAD.left + 40, width - PAD.right);
  const x = scaleOf([...dots.map(({ latencyMs }) => latencyMs), ...(maxMs === null ? [] : [maxMs])], PAD.left, right, { least: 0 });
  const y = scaleOf([...dots.map(({ accuracy }) => accuracy), ...(floor === null ? [] : [floor])], HEIGHT - PAD.bottom, PAD.top, { least: 0, most: 1 });
  const most = Math.max(...dots.map(({ sizeBytes }) => sizeBytes));
  const front = frontLine(dots.filter(({ isOnFront }) => isOnFront));
  const path = front.map((dot, index) => `${index === 0 ? "M" : "L"}${x.at(dot.latencyMs)} ${y.at(dot.accuracy)}`).join(" ");
  return (
    <div ref={box} className="relative">
      <svg width="100%" height={HEIGHT} role="img" aria-label="Accuracy over time; the same numbers stand under View as table" className="block text-[11px]">
        {x.ticks.map((tick) => <g key={tick}><path d={`M${x.at(tick)} ${PAD.top}V${HEIGHT - PAD.bottom}`} stroke="var(--chart-grid)" /><text x={x.at(tick)} y={HEIGHT - PAD.bottom + 16} textAnchor="middle" fill="var(--chart-muted)">{formatMs(tick)}</text></g>)}
        {y.ticks.map((tick) => <g key={tick}><path d={`M${PAD.left} ${y.at(tick)}H${right}`} stroke="var(--chart-grid)" /><text x={PAD.left - 8} y={y.at(tick) + 4} textAnchor="end" fill="var(--chart-muted)">{`${Number((tick * 100).toFixed(2))} %`}</text></g>)}
        <text x={right} y={HEIGHT - 6} textAnchor="end" fill="var(--chart-muted)">quicker ← median time of one run</text>
        {maxMs !== null && <path d={`M${x.at(maxMs)} ${PAD.top}V${HEIGHT - PAD.bottom}`} stroke="var(--chart-limit)" strokeDasharray="5 4" strokeWidth="1.5" />}
        {floor !== null && <path d={`M${PAD.left} ${y.at(floor)}H${right}`} stroke="var(--chart-limit)" strokeDasharray="5 4" strokeWidth="1.5" />}
        {front.length > 1 && <path d={path} fill="none" stroke="var(--chart-1)" strokeWidth="1.5" opacity="0.6" />}
        {dots.map((dot) => <Bubble key={dot.id} dot={dot} cx={x.at(dot.latencyMs)} cy={y.at(dot.accuracy)} r={radiusOf(dot.sizeBytes, most)} isOver={over === dot.id} right={right} onOver={(isOver) => setOver(isOver ? dot.id : null)} />)}
      </svg>
    </div>
  );
}

function Bubble({ dot, cx, cy, r, isOver, right, onOver }: { dot: Dot; cx: number; cy: number; r: number; isOver: boolean; right: number; onOver: (isOver: boolean) => void }) {
  const toLeft = cx + r + 120 > right;
  const text = isOver ? `${dot.label}: ${formatMs(dot.latencyMs)}, ${formatAccuracy(dot.accuracy)}, ${formatBytes(dot.sizeBytes)}` : dot.label.split(" ")[0];
  return (
    <g onPointerEnter={() => onOver(true)} onPointerLeave={() => onOver(false)}>
      <circle cx={cx} cy={cy} r={r} fill={dot.isOnFront ? "var(--chart-1)" : "transparent"} fillOpacity={dot.isOnFront ? 0.55 : 1} stroke={dot.isOnFront ? "var(--chart-1)" : "var(--chart-8)"} strokeWidth={isOver ? 2.5 : 1.5} strokeDasharray={dot.isOffered ? undefined : "3 2"} />
      {dot.isBaseline && <circle cx={cx} cy={cy} r={2.5} fill="var(--chart-ink)" />}
      <text x={toLeft ? cx - r - 5 : cx + r + 5} y={cy + 4} textAnchor={toLeft ? "end" : "start"} fill="var(--chart-ink)" fontWeight={isOver ? 600 : 400} stroke="var(--surface)" strokeWidth={3} paintOrder="stroke">{text}</text>
    </g>
  );
}
