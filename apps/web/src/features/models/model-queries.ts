import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { ModelView, Page, VersionUse, VersionView } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";
import { readChoices } from "../../lib/choices.ts";

export const modelListQuery = (search: string) => infiniteQueryOptions({
  queryKey: ["model", "list", search],
  queryFn: ({ pageParam, signal }) => {
    const query = new URLSearchParams({ limit: "50" });
    if (search !== "") query.set("search", search);
    if (pageParam !== "") query.set("cursor", pageParam);
    return apiGet<Page<ModelView>>(`/models?${query}`, signal);
  },
  initialPageParam: "", getNextPageParam: (page) => page.nextCursor, placeholderData: keepPreviousData,
  meta: { topics: ["device"] },
});

/** Models to choose from. */
export const modelChoicesQuery = () => queryOptions({ queryKey: ["model", "choices"], queryFn: ({ signal }) => readChoices<ModelView>("/models", signal) });

/** Versions of a model to choose from. */
export const versionChoicesQuery = (modelId: string | null) => queryOptions({
  queryKey: ["version", "choices", modelId],
  queryFn: ({ signal }) => readChoices<VersionView>(`/models/${modelId}/versions`, signal), enabled: modelId !== null,
});

export const modelQuery = (id: string) => queryOptions({ queryKey: ["model", id], queryFn: ({ signal }) => apiGet<ModelView>(`/models/${id}`, signal), meta: { topics: ["device"] } });

export const versionListQuery = (modelId: string) => infiniteQueryOptions({
  queryKey: ["version", "list", modelId],
  queryFn: ({ pageParam, signal }) => apiGet<Page<VersionView>>(`/models/${modelId}/versions?limit=50${pageParam === "" ? "" : `&cursor=${pageParam}`}`, signal),
  initialPageParam: "", getNextPageParam: (page) => page.nextCursor,
});

export const versionQuery = (id: string) => queryOptions({ queryKey: ["version", id], queryFn: ({ signal }) => apiGet<VersionView>(`/versions/${id}`, signal) });

export const versionUseQuery = (id: string) => queryOptions({
  queryKey: ["version", id, "use"],
  queryFn: ({ signal }) => apiGet<VersionUse>(`/versions/${id}/use`, signal),
  meta: { topics: ["device", "build"] },
});
