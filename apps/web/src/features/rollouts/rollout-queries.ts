import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { DeploymentStateName, DeploymentView, FailureGroup, Page, RolloutEventView, RolloutPreview, RolloutView } from "@flotilla/fleet";
import { apiGet, apiSend } from "../../lib/api-client.ts";
import type { PlannedWave } from "./wave-plan.ts";

export const rolloutListQuery = () => infiniteQueryOptions({
  queryKey: ["rollout", "list"],
  queryFn: ({ pageParam, signal }) => apiGet<Page<RolloutView>>(`/rollouts?limit=50${pageParam === "" ? "" : `&cursor=${pageParam}`}`, signal),
  initialPageParam: "", getNextPageParam: (page) => page.nextCursor,
});

export const rolloutQuery = (id: string) => queryOptions({
  queryKey: ["rollout", id],
  queryFn: ({ signal }) => apiGet<RolloutView>(`/rollouts/${id}`, signal),
});

export const rolloutEventsQuery = (id: string) => queryOptions({
  queryKey: ["rollout", id, "events"],
  queryFn: ({ signal }) => apiGet<Page<RolloutEventView>>(`/rollouts/${id}/events?limit=100`, signal),
});

export const failureGroupsQuery = (id: string) => queryOptions({
  queryKey: ["rollout", id, "failures"],
  queryFn: ({ signal }) => apiGet<{ items: FailureGroup[] }>(`/rollouts/${id}/failures`, signal),
});

export type DeploymentFilter = { state: DeploymentStateName | null; wave: number | null };

export const deploymentsQuery = (id: string, filter: DeploymentFilter) => infiniteQueryOptions({
  queryKey: ["rollout", id, "deployments", filter],
  queryFn: ({ pageParam, signal }) => {
    const search = new URLSearchParams({ limit: "100" });
    if (filter.state !== null) search.set("state", filter.state);
    if (filter.wave !== null) search.set("wave", String(filter.wave));
    if (pageParam !== "") search.set("cursor", pageParam);
    return apiGet<Page<DeploymentView>>(`/rollouts/${id}/deployments?${search}`, signal);
  },
  initialPageParam: "", getNextPageParam: (page) => page.nextCursor, placeholderData: keepPreviousData,
});

export type RolloutPlan = { buildId: string; fleetId: string; waves: PlannedWave[] };

export const rolloutPreviewQuery = (plan: RolloutPlan, enabled: boolean) => queryOptions({
  queryKey: ["device", "rollout-preview", plan],
  queryFn: () => apiSend<RolloutPreview>("POST", "/rollouts/preview", plan),
  enabled, placeholderData: keepPreviousData, retry: false,
});
