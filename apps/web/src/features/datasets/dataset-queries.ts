import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { DatasetPreview, DatasetVersionView, DatasetView, Page } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";
import { readChoices } from "../../lib/choices.ts";

/** A version with its contact sheets, as its page shows it. */
export type PreviewedVersion = DatasetVersionView & { preview: DatasetPreview | null };

export const datasetListQuery = (search: string) => infiniteQueryOptions({
  queryKey: ["dataset", "list", search],
  queryFn: ({ pageParam, signal }) => {
    const query = new URLSearchParams({ limit: "50" });
    if (search !== "") query.set("search", search);
    if (pageParam !== "") query.set("cursor", pageParam);
    return apiGet<Page<DatasetView>>(`/datasets?${query}`, signal);
  },
  initialPageParam: "", getNextPageParam: (page) => page.nextCursor, placeholderData: keepPreviousData,
});

/** Datasets to choose from. */
export const datasetChoicesQuery = () => queryOptions({ queryKey: ["dataset", "choices"], queryFn: ({ signal }) => readChoices<DatasetView>("/datasets", signal) });

/** Versions of a dataset to choose from. */
export const datasetVersionChoicesQuery = (datasetId: string) => queryOptions({
  queryKey: ["dataset", datasetId, "version-choices"],
  queryFn: ({ signal }) => readChoices<DatasetVersionView>(`/datasets/${datasetId}/versions`, signal), enabled: datasetId !== "",
});

export const datasetQuery = (id: string) => queryOptions({ queryKey: ["dataset", id], queryFn: ({ signal }) => apiGet<DatasetView>(`/datasets/${id}`, signal) });

export const datasetVersionListQuery = (datasetId: string) => infiniteQueryOptions({
  queryKey: ["dataset", datasetId, "versions"],
  queryFn: ({ pageParam, signal }) => apiGet<Page<DatasetVersionView>>(`/datasets/${datasetId}/versions?limit=50${pageParam === "" ? "" : `&cursor=${pageParam}`}`, signal),
  initialPageParam: "", getNextPageParam: (page) => page.nextCursor,
});

export const datasetVersionQuery = (datasetId: string, number: number) => queryOptions({
  queryKey: ["dataset", datasetId, "version", number],
  queryFn: ({ signal }) => apiGet<PreviewedVersion>(`/datasets/${datasetId}/versions/${number}`, signal),
});
