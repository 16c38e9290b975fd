"use client";
import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import type { DeviceView, LatencyAnswer } from "@flotilla/fleet";
import { lineFinding } from "../../components/charts/finding.ts";
import { LineChart } from "../../components/charts/line-chart.tsx";
import type { ChartLine } from "../../components/charts/line-options.ts";
import { formatMs } from "../../lib/format.ts";
import { chartMarkers, splitLines } from "../latency/chart-data.ts";
import { latencyQuery } from "../latency/latency-queries.ts";
import { emptyText, isSimulated, silentFrom } from "../latency/series-view.ts";

const DAY_MS = 24 * 3_600_000;

/** p95 of this device over a day, with its class faint behind it: slow alone, or slow like all of them? */
export function DeviceLatency({ device }: { device: DeviceView }) {
  const none = { fleet: null, model: null, build: null };
  const own = useQuery(latencyQuery({ filters: { ...none, class: null, device: device.id }, window: { kind: "relative", ms: DAY_MS }, groupBy: "none" }));
  const peers = useQuery(latencyQuery({ filters: { ...none, class: device.className, device: null }, window: { kind: "relative", ms: DAY_MS }, groupBy: "none" }));
  if (own.data === undefined) return <p className="text-muted">{own.isError ? "The latency could not be loaded; it is tried again." : "Loading…"}</p>;
  return <Chart own={own.data} peers={peers.data} device={device} />;
}

function Chart({ own, peers, device }: { own: LatencyAnswer; peers: LatencyAnswer | undefined; device: DeviceView }) {
  const mode = own.series[0]?.mode ?? (device.simulated ? "simulated" : "field");
  const data = useMemo(() => splitLines(own, own.series.filter((series) => series.mode === mode), "p95", []), [own, mode]);
  const lines = useMemo((): ChartLine[] => {
    const ofClass = peers?.series.filter((series) => series.mode === mode) ?? [];
    const behind = peers === undefined ? undefined : splitLines({ ...peers, from: own.from, to: own.to, stepSeconds: own.stepSeconds }, ofClass, "p95", []).lines[0];
    return [
      ...data.lines.slice(0, 1).map((line) => ({ ...line, key: "own", label: isSimulated(mode) ? `${device.name} (simulated)` : device.name, color: "--chart-p95", width: 2 })),
      ...(behind === undefined ? [] : [{ ...behind, key: "class", label: `class ${device.className}`, color: "--chart-8", width: 1.5, faint: true }]),
    ];
  }, [data, peers, own, mode, device.name, device.className]);
  const markers = useMemo(() => chartMarkers(own), [own]);
  const empty = emptyText(own);
  const silent = silentFrom(own, { toMs: Date.parse(own.to), live: true });
  const subject = lines[0]?.key === "own" ? lines[0].values : [];
  return (
    <LineChart
      title="p95 over 24 hours" finding={lineFinding({ name: "p95", xs: data.xs, values: subject, samples: data.samples })} xs={data.xs} stepSeconds={own.stepSeconds} lines={lines} counts={data.counts} format={formatMs} markers={markers} height={190}
      silentFrom={silent === null ? null : silent / 1000} empty={empty ?? undefined}
    />
  );
}
