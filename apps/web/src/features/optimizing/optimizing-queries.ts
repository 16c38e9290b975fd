import { queryOptions } from "@tanstack/react-query";
import type { CompareView, OptimizationView, Preset, PreprocessingView, TechniqueInfo, VariantNode, VersionReportView } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";

export type RecipeBook = { presets: Preset[]; techniques: TechniqueInfo[] };

export const recipesQuery = () => queryOptions({ queryKey: ["recipes"], queryFn: ({ signal }) => apiGet<RecipeBook>("/recipes", signal), staleTime: Infinity });

export const optimizationQuery = (id: string) => queryOptions({ queryKey: ["optimization", id], queryFn: ({ signal }) => apiGet<OptimizationView>(`/optimizations/${id}`, signal) });

export const variantsQuery = (versionId: string) => queryOptions({
  queryKey: ["version", "variants", versionId],
  queryFn: ({ signal }) => apiGet<{ rootId: string; items: VariantNode[] }>(`/versions/${versionId}/variants`, signal),
});

export const reportQuery = (versionId: string) => queryOptions({ queryKey: ["version", "report", versionId], queryFn: ({ signal }) => apiGet<VersionReportView>(`/versions/${versionId}/report`, signal) });

export const preprocessingQuery = (versionId: string) => queryOptions({ queryKey: ["version", versionId, "preprocessing"], queryFn: ({ signal }) => apiGet<PreprocessingView>(`/versions/${versionId}/preprocessing`, signal) });

type CompareChoice = { versions: readonly string[]; baseline: string | null; dataset: string | null; split: string | null };

export const compareQuery = ({ versions, baseline, dataset, split }: CompareChoice) => queryOptions({
  queryKey: ["version", "compare", versions.join(), baseline, dataset, split],
  queryFn: ({ signal }) => {
    const query = new URLSearchParams({ versions: versions.join(",") });
    if (baseline !== null) query.set("baseline", baseline);
    if (dataset !== null) query.set("dataset", dataset);
    if (split !== null) query.set("split", split);
    return apiGet<CompareView>(`/compare?${query}`, signal);
  },
  enabled: versions.length > 0,
});
