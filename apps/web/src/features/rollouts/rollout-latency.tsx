"use client";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import type { Route } from "next";
import type { RolloutView } from "@flotilla/fleet";
import { useNow } from "../../lib/use-now.ts";
import { Comparison } from "../latency/comparison.tsx";
import { latencyQuery } from "../latency/latency-queries.ts";
import { LatencyCharts } from "../latency/latency-charts.tsx";
import { relativeRanges } from "../latency/time-range.ts";
import { deploymentsQuery } from "./rollout-queries.ts";
import { isOpen } from "./words.ts";

/** The build beside the one most devices ran before it, on the rollout's fleet, in the same hours. */
export function RolloutLatency({ rollout }: { rollout: RolloutView }) {
  const now = useNow();
  const deployments = useInfiniteQuery(deploymentsQuery(rollout.id, { state: null, wave: null }));
  const previous = commonest(deployments.data?.pages.flatMap((page) => page.items) ?? [], rollout.build.id);
  const window = windowOf(rollout, now);
  const filters = { fleet: rollout.fleet.id, model: null, class: null, device: null };
  const current = useQuery(latencyQuery({ filters: { ...filters, build: rollout.build.id }, window, groupBy: "none" }));
  const before = useQuery({ ...latencyQuery({ filters: { ...filters, build: previous?.id ?? null }, window, groupBy: "none" }), enabled: previous !== null });
  if (rollout.startedAt === null) return <p className="text-ui text-muted">There is nothing to compare before the first device runs the build.</p>;
  if (current.data === undefined) return <p className="text-ui text-muted">{current.isError ? "The latency could not be loaded; the buttons above work." : "Loading…"}</p>;
  return (
    <div className="grid gap-2">
      {previous !== null && before.data !== undefined && before.data.series.length > 0
        ? <Comparison a={before.data} b={current.data} nameA={previous.name} nameB={rollout.build.name} percentile="p95" />
        : <LatencyCharts answer={current.data} split={null} live={isOpen(rollout.state)} heatmap={false} />}
      <p className="text-ui"><Link className="underline decoration-line-strong underline-offset-2" href={`/latency?build=${rollout.build.id}${previous === null ? "" : `&compare=${previous.id}`}` as Route}>Open in Latency</Link></p>
    </div>
  );
}

/** From a quarter of an hour before the start to its end plus a quarter, at least an hour. */
function windowOf(rollout: RolloutView, now: number): { kind: "relative"; ms: number } | { kind: "fixed"; fromMs: number; toMs: number } {
  const margin = 15 * 60_000;
  const start = Date.parse(rollout.startedAt ?? rollout.createdAt) - margin;
  const end = rollout.finishedAt === null ? null : Date.parse(rollout.finishedAt) + margin;
  if (end === null || end > now) {
    const age = now - start;
    const fitting = Object.values(relativeRanges).find((range) => range.ms >= age);
    return { kind: "relative", ms: fitting?.ms ?? relativeRanges["7d"].ms };
  }
  return { kind: "fixed", fromMs: Math.min(start, end - 3_600_000), toMs: end };
}

function commonest(deployments: readonly { previousBuild: { id: string; name: string } | null }[], except: string): { id: string; name: string } | null {
  const counts = new Map<string, { build: { id: string; name: string }; n: number }>();
  for (const { previousBuild } of deployments) {
    if (previousBuild === null || previousBuild.id === except) continue;
    const entry = counts.get(previousBuild.id) ?? { build: previousBuild, n: 0 };
    entry.n += 1;
    counts.set(previousBuild.id, entry);
  }
  return [...counts.values()].toSorted((a, b) => b.n - a.n)[0]?.build ?? null;
}
