import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { BuildView, ModelView, Page, VersionView } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";

export const buildListQuery = () => infiniteQueryOptions({
  queryKey: ["build", "list"],
  queryFn: ({ pageParam, signal }) => apiGet<Page<BuildView>>(`/builds?limit=50${pageParam === "" ? "" : `&cursor=${pageParam}`}`, signal),
  initialPageParam: "", getNextPageParam: (page) => page.nextCursor,
});

/** The newest builds, for choosing one. */
export const buildChoicesQuery = () => queryOptions({ queryKey: ["build", "choices"], queryFn: ({ signal }) => apiGet<Page<BuildView>>("/builds?limit=200", signal) });

export const buildQuery = (id: string) => queryOptions({ queryKey: ["build", id], queryFn: ({ signal }) => apiGet<BuildView>(`/builds/${id}`, signal) });

export const modelChoicesQuery = () => queryOptions({ queryKey: ["model", "choices"], queryFn: ({ signal }) => apiGet<Page<ModelView>>("/models?limit=200", signal) });

export const versionChoicesQuery = (modelId: string | null) => queryOptions({
  queryKey: ["version", "choices", modelId],
  queryFn: ({ signal }) => apiGet<Page<VersionView>>(`/models/${modelId}/versions?limit=100`, signal), enabled: modelId !== null,
});

export const versionQuery = (id: string) => queryOptions({ queryKey: ["version", id], queryFn: ({ signal }) => apiGet<VersionView>(`/versions/${id}`, signal) });
