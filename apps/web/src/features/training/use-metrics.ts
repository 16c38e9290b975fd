"use client";
import { queryOptions, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import type { JobMetricPoint } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";
import { noColumns, resumeAfter, withPoints, type MetricColumns } from "./metric-columns.ts";

/** Points that one answer holds at most. */
const FULL = 20_000;

/** All metrics of a job's run. Reads on after what is known, whenever the job changes. */
export function useMetrics(jobId: string | null) {
  const client = useQueryClient();
  return useQuery({ ...metricsQuery(client, jobId ?? ""), enabled: jobId !== null });
}

export const metricsQuery = (client: QueryClient, jobId: string) => queryOptions({
  queryKey: ["job", jobId, "curves"],
  queryFn: async ({ signal }) => {
    const known = client.getQueryData<MetricColumns>(["job", jobId, "curves"]) ?? noColumns;
    return withPoints(known, await pointsAfter(jobId, resumeAfter(known), signal));
  },
  structuralSharing: false,
});

/** A full answer was cut in the order of names: then each metric is read on by itself. */
async function pointsAfter(jobId: string, after: number, signal: AbortSignal): Promise<JobMetricPoint[]> {
  const read = async (query: string): Promise<JobMetricPoint[]> => (await apiGet<{ items: JobMetricPoint[] }>(`/jobs/${jobId}/metrics?${query}`, signal)).items;
  const first = await read(`after=${after}`);
  if (first.length < FULL) return first;
  const points: JobMetricPoint[] = [];
  for (const name of METRICS) {
    for (let from = after; ; ) {
      const more = await read(`after=${from}&name=${encodeURIComponent(name)}`);
      points.push(...more);
      if (more.length < FULL) break;
      from = more.at(-1)?.step ?? from;
    }
  }
  return points;
}

/** What a training reports. */
const METRICS = ["train loss", "validation loss", "train accuracy", "validation accuracy", "learning rate", "gradient norm", "examples/s"] as const;
