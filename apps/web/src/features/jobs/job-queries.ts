import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { JobMetricPoint, JobStateName, JobView, Page } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";

export const jobStates = ["queued", "running", "succeeded", "failed", "cancelled", "quarantined"] as const satisfies readonly JobStateName[];
export const jobKindNames = ["import", "build", "benchmark", "evaluate", "optimize", "train"] as const;

export type JobFilter = { state: JobStateName | null; kind: string | null };

export const jobListQuery = (filter: JobFilter) => infiniteQueryOptions({
  queryKey: ["job", "list", filter],
  queryFn: ({ pageParam, signal }) => {
    const query = new URLSearchParams({ limit: "50" });
    if (filter.state !== null) query.set("state", filter.state);
    if (filter.kind !== null) query.set("kind", filter.kind);
    if (pageParam !== "") query.set("cursor", pageParam);
    return apiGet<Page<JobView>>(`/jobs?${query}`, signal);
  },
  initialPageParam: "", getNextPageParam: (page) => page.nextCursor, placeholderData: keepPreviousData,
});

export const jobQuery = (id: string) => queryOptions({ queryKey: ["job", id], queryFn: ({ signal }) => apiGet<JobView>(`/jobs/${id}`, signal) });

export const jobMetricsQuery = (id: string) => queryOptions({ queryKey: ["job", id, "metrics"], queryFn: ({ signal }) => apiGet<{ items: JobMetricPoint[] }>(`/jobs/${id}/metrics`, signal) });
