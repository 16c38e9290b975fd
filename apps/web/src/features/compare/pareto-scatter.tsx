"use client";
import type { CompareView } from "@flotilla/fleet";
import { useRef, useState } from "react";
import { ChartFrame } from "../../components/charts/chart-frame.tsx";
import { useWidth } from "../../components/charts/use-size.ts";
import { formatBytes, formatMs } from "../../lib/format.ts";
import { formatAccuracy, formatInterval } from "../optimizing/number-words.tsx";
import { judge, type Budget } from "./budget.ts";
import { frontLine, radiusOf, scaleOf, type Dot } from "./scatter-scale.ts";

/** `floor`: the least accuracy of the budget, 0 to 1. */
type Limits = { budget: Budget; floor: number | null };

const HEIGHT = 340;
const PAD = { left: 58, right: 24, top: 16, bottom: 40 };

/** Accuracy over time, size as area; what nothing beats is filled and on the line, what is beaten is hollow: shape says it, not colour. */
export function ParetoScatter({ view, ...limits }: { view: CompareView } & Limits) {
  const dots = dotsOf(view, limits.budget);
  const missing = view.versions.length - dots.length;
  const on = view.accuracyOn;
  return (
    <ChartFrame
      title="Accuracy, time and size" subtitle={`p50 across, accuracy${on === null ? "" : ` on ${on.datasetName} v${on.datasetNumber} ${on.split}`} upwards, size as area`}
      finding={findingOf(dots, missing)}
      columns={[{ key: "version", label: "Version" }, { key: "ms", label: "p50", numeric: true }, { key: "accuracy", label: "Accuracy", numeric: true }, { key: "size", label: "Size", numeric: true }, { key: "front", label: "On the front" }]}
      rows={view.versions.map((version) => ({ key: version.id, cells: [nameOf(version), formatMs(version.comparableMs), formatAccuracy(version.accuracy?.value ?? null), formatBytes(version.sizeBytes), version.isOnFront === null ? "not known" : version.isOnFront ? "yes" : "no"] }))}
      legend={dots.length === 0 ? undefined : <Legend />}
    >
      {dots.length === 0 ? <p className="rounded-md bg-sunken p-6 text-center text-muted">A point needs accuracy and a time that were measured alike. {view.latencyWhyNot ?? "Evaluate the versions on one split."}</p> : <Plot dots={dots} limits={limits} />}
    </ChartFrame>
  );
}

function Legend() {
  const entries = [
    { words: "on the Pareto front", mark: <circle cx="7" cy="6" r="5" fill="var(--chart-1)" fillOpacity="0.55" stroke="var(--chart-1)" strokeWidth="1.5" /> },
    { words: "beaten by another", mark: <circle cx="7" cy="6" r="4.5" fill="none" stroke="var(--chart-8)" strokeWidth="1.5" /> },
    { words: "not offered", mark: <circle cx="7" cy="6" r="4.5" fill="none" stroke="var(--chart-8)" strokeWidth="1.5" strokeDasharray="3 2" /> },
    { words: "the baseline", mark: <path d="M7 2L11 6L7 10L3 6Z" fill="var(--chart-ink)" /> },
    { words: "your limit", mark: <path d="M0 6H14" stroke="var(--chart-limit)" strokeDasharray="4 3" strokeWidth="1.5" /> },
    { words: "outside your limits", mark: <path d="M3 2L11 10M11 2L3 10" stroke="var(--chart-limit)" strokeWidth="1.5" /> },
  ];
  return entries.map(({ words, mark }) => <span key={words} className="inline-flex items-center gap-1.5"><svg aria-hidden width="14" height="12">{mark}</svg>{words}</span>);
}

function nameOf(version: CompareView["versions"][number]): string {
  return `v${version.number}${version.label === null ? "" : ` ${version.label}`}`;
}

function dotsOf(view: CompareView, budget: Budget): Dot[] {
  const baselineAccuracy = view.versions.find(({ id }) => id === view.baselineId)?.accuracy?.value ?? null;
  return view.versions.flatMap((version) => (version.accuracy === null || version.comparableMs === null ? [] : [{
    id: version.id, label: nameOf(version), latencyMs: version.comparableMs, accuracy: version.accuracy.value, ci95: version.accuracy.ci95, sizeBytes: version.sizeBytes,
    isOnFront: version.isOnFront === true, isBaseline: version.id === view.baselineId, isOffered: version.offered, isOutside: judge(version, budget, baselineAccuracy)?.keeps === false,
  }]));
}

function findingOf(dots: readonly Dot[], missing: number): string {
  if (dots.length === 0) return "None of them can be drawn: a number is missing.";
  const front = dots.filter(({ isOnFront }) => isOnFront).map(({ label }) => label);
  const left = missing === 0 ? "" : ` ${missing} cannot be drawn: a number is missing.`;
  return front.length === 0 ? `Nothing is known to be on the front.${left}` : `Nothing beats ${front.join("; ")} in size, time and accuracy at once.${left}`;
}

function Plot({ dots, limits: { budget: { maxMs }, floor } }: { dots: readonly Dot[]; limits: Limits }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [over, setOver] = useState<string | null>(null);
  const right = Math.max(PAD.left + 40, width - PAD.right);
  const x = scaleOf([...dots.map(({ latencyMs }) => latencyMs), ...(maxMs === null ? [] : [maxMs])], PAD.left, right, { least: 0 });
  // With the intervals inside, a difference looks as small as it is beside what is not known.
  const y = scaleOf([...dots.flatMap(({ accuracy, ci95 }) => [accuracy, ...ci95]), ...(floor === null ? [] : [floor])], HEIGHT - PAD.bottom, PAD.top, { least: 0, most: 1, span: 0.01 });
  const inPlot = (accuracy: number): number => Math.min(HEIGHT - PAD.bottom, Math.max(PAD.top, y.at(accuracy)));
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
        {dots.map((dot) => <path key={dot.id} d={`M${x.at(dot.latencyMs)} ${inPlot(dot.ci95[0])}V${inPlot(dot.ci95[1])}`} stroke="var(--chart-8)" strokeOpacity="0.7" />)}
        {dots.map((dot) => <Bubble key={dot.id} dot={dot} cx={x.at(dot.latencyMs)} cy={y.at(dot.accuracy)} r={radiusOf(dot.sizeBytes, most)} isOver={over === dot.id} right={right} />)}
      </svg>
      {width > 0 && dots.map((dot) => <PointButton key={dot.id} dot={dot} left={x.at(dot.latencyMs)} top={y.at(dot.accuracy)} size={Math.max(24, 2 * radiusOf(dot.sizeBytes, most))} onOver={(isOver) => setOver(isOver ? dot.id : null)} />)}
      <Details dot={dots.find(({ id }) => id === over)} />
    </div>
  );
}

/** Over a point, so that keys and fingers reach it. */
function PointButton({ dot, left, top, size, onOver }: { dot: Dot; left: number; top: number; size: number; onOver: (isOver: boolean) => void }) {
  return (
    <button
      type="button" aria-label={wordsOf(dot)} className="absolute -translate-1/2 rounded-full" style={{ left, top, width: size, height: size }}
      onPointerEnter={() => onOver(true)} onPointerLeave={() => onOver(false)} onFocus={() => onOver(true)} onBlur={() => onOver(false)} onClick={() => onOver(true)}
    />
  );
}

function wordsOf(dot: Dot): string {
  const marks = [dot.isBaseline && "the baseline", dot.isOnFront ? "on the front" : "beaten by another", dot.isOutside && "outside the limits", !dot.isOffered && "not offered for builds"].filter((mark) => mark !== false);
  return `${dot.label}: ${formatMs(dot.latencyMs)}, ${formatAccuracy(dot.accuracy)} (95 % from ${formatInterval(dot.ci95)}), ${formatBytes(dot.sizeBytes)}; ${marks.join(", ")}`;
}

function Details({ dot }: { dot: Dot | undefined }) {
  return <p role="status" className="min-h-8 text-xs text-pretty">{dot === undefined ? <span className="text-muted">Point at a bubble or reach it with Tab to read its numbers. The line through it is the 95 % interval of its accuracy.</span> : wordsOf(dot)}</p>;
}

function Bubble({ dot, cx, cy, r, isOver, right }: { dot: Dot; cx: number; cy: number; r: number; isOver: boolean; right: number }) {
  const toLeft = cx + r + 40 > right;
  return (
    <g>
      <circle cx={cx} cy={cy} r={r} fill={dot.isOnFront ? "var(--chart-1)" : "transparent"} fillOpacity={dot.isOnFront ? 0.55 : 1} stroke={dot.isOnFront ? "var(--chart-1)" : "var(--chart-8)"} strokeWidth={isOver ? 3 : 1.5} strokeDasharray={dot.isOffered ? undefined : "3 2"} />
      {dot.isBaseline && <path d={`M${cx} ${cy - 4}L${cx + 4} ${cy}L${cx} ${cy + 4}L${cx - 4} ${cy}Z`} fill="var(--chart-ink)" />}
      {dot.isOutside && <path d={`M${cx - r * 0.7} ${cy - r * 0.7}L${cx + r * 0.7} ${cy + r * 0.7}M${cx + r * 0.7} ${cy - r * 0.7}L${cx - r * 0.7} ${cy + r * 0.7}`} stroke="var(--chart-limit)" strokeWidth="1.5" />}
      <text x={toLeft ? cx - r - 5 : cx + r + 5} y={cy + 4} textAnchor={toLeft ? "end" : "start"} fill="var(--chart-ink)" fontWeight={isOver ? 600 : 400} stroke="var(--surface)" strokeWidth={3} paintOrder="stroke">{dot.label.split(" ")[0]}</text>
    </g>
  );
}
