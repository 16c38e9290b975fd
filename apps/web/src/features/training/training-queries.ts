import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { DatasetVersionView, FittingTemplate, JobStateName, Page, TrainingView } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";
import type { GraphRow } from "../graph/graph-queries.ts";

export const trainingStates = ["queued", "running", "succeeded", "failed", "cancelled", "quarantined"] as const satisfies readonly JobStateName[];

export type TrainingFilter = { state: JobStateName | null; dataset: string | null };

export const trainingListQuery = (filter: TrainingFilter) => infiniteQueryOptions({
  queryKey: ["training", "list", filter],
  queryFn: ({ pageParam, signal }) => {
    const query = new URLSearchParams({ limit: "50" });
    if (filter.state !== null) query.set("state", filter.state);
    if (filter.dataset !== null) query.set("datasetId", filter.dataset);
    if (pageParam !== "") query.set("cursor", pageParam);
    return apiGet<Page<TrainingView>>(`/trainings?${query}`, signal);
  },
  initialPageParam: "", getNextPageParam: (page) => page.nextCursor, placeholderData: keepPreviousData, meta: { topics: ["job"] },
});

export const trainingQuery = (id: string) => queryOptions({ queryKey: ["training", id], queryFn: ({ signal }) => apiGet<TrainingView>(`/trainings/${id}`, signal), meta: { topics: ["job"] } });

export const templatesQuery = (datasetVersionId: string | null) => queryOptions({
  queryKey: ["training-templates", datasetVersionId],
  queryFn: ({ signal }) => apiGet<{ items: FittingTemplate[] }>(`/training-templates?datasetVersionId=${datasetVersionId}`, signal),
  staleTime: Infinity, enabled: datasetVersionId !== null,
});

/** A version of a dataset by its id alone, as addresses and runs name it. */
export const datasetVersionByIdQuery = (id: string | null) => queryOptions({
  queryKey: ["dataset", "version-by-id", id], queryFn: ({ signal }) => apiGet<DatasetVersionView>(`/dataset-versions/${id}`, signal), enabled: id !== null,
});

/** A node that has weights, in the graph's order: where freezing can end. */
export type WeightNode = { name: string; opType: string; block: string; parameterCount: number };

export const weightNodesQuery = (versionId: string | null) => queryOptions({
  queryKey: ["version", versionId, "weight-nodes"],
  queryFn: async ({ signal }) => {
    const nodes: WeightNode[] = [];
    for (let after: number | null = -1; after !== null; ) {
      const page: { items: GraphRow[]; nextAfter: number | null } = await apiGet(`/versions/${versionId}/graph/nodes?limit=1000&after=${after}`, signal);
      nodes.push(...page.items.filter(({ parameterCount }) => parameterCount > 0).map(({ name, opType, block, parameterCount }) => ({ name, opType, block, parameterCount })));
      after = page.nextAfter;
    }
    return nodes;
  },
  enabled: versionId !== null, staleTime: Infinity,
});
