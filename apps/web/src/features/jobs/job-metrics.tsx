"use client";
import { useQuery } from "@tanstack/react-query";
import type { JobMetricPoint } from "@flotilla/fleet";
import { Sparkline } from "../../components/charts/sparkline.tsx";
import { Card } from "../../components/ui/card.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatCount } from "../../lib/format.ts";
import { jobMetricsQuery } from "./job-queries.ts";

/** The last value of each metric, and its course where there is one. */
export function JobMetrics({ id }: { id: string }) {
  const metrics = useQuery(jobMetricsQuery(id));
  const series = byName(metrics.data?.items ?? []);
  if (series.length === 0) return null;
  return (
    <Card title="Metrics" flush>
      <Table caption="Metrics">
        <thead><tr><Th>Metric</Th><Th numeric>Last</Th><Th numeric>Points</Th><Th>Course</Th></tr></thead>
        <tbody>
          {series.map(({ name, points }) => (
            <Tr key={name}>
              <Td className="font-mono text-xs">{name}</Td>
              <Td numeric>{numberOf(points.at(-1)?.value)}</Td>
              <Td numeric className="text-muted">{formatCount(points.length)}</Td>
              <Td>{points.length > 1 ? <Sparkline values={points.map((point) => point.value)} label={`${name}, from ${numberOf(points[0]?.value)} to ${numberOf(points.at(-1)?.value)}`} /> : <span className="text-muted">one value</span>}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

function byName(points: readonly JobMetricPoint[]): { name: string; points: JobMetricPoint[] }[] {
  const groups = Map.groupBy(points, (point) => point.name);
  return [...groups].map(([name, members]) => ({ name, points: members.toSorted((a, b) => a.step - b.step) }));
}

function numberOf(value: number | undefined): string {
  return value === undefined ? "–" : new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 5 }).format(value);
}
