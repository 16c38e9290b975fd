"use client";
import { useRef, useState } from "react";
import { infiniteQueryOptions, keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { DeploymentStateName, DeploymentView, FailureGroup, Page, RolloutAction, RolloutEventView, RolloutPreview, RolloutView } from "@flotilla/fleet";
import { apiGet, apiSend, messageOf } from "../../lib/api-client.ts";
import type { ActionInput } from "./action-dialog.tsx";
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

export type ActionState =
  | { action: RolloutAction; phase: "sending" }
  | { action: RolloutAction; phase: "accepted"; at: number }
  | { action: RolloutAction; phase: "failed"; message: string };

/**
 * Sends one action at a time. A second press of the same action while it is under way, or after a failure of the line, carries the same
 * idempotency key, so it happens once. Pause and roll back do not ask for the version seen: stopping harm must not fail on a race.
 */
export function useRolloutAction(rollout: RolloutView): { state: ActionState | null; run: (action: RolloutAction, input: ActionInput) => void } {
  const client = useQueryClient();
  const [state, setState] = useState<ActionState | null>(null);
  const key = useRef<{ action: RolloutAction; value: string } | null>(null);
  const mutation = useMutation({
    mutationFn: ({ action, input }: { action: RolloutAction; input: ActionInput }) => {
      if (key.current?.action !== action) key.current = { action, value: crypto.randomUUID() };
      const guarded = action === "pause" || action === "rollback" ? {} : { expectedVersion: rollout.version };
      return apiSend<RolloutView>("POST", `/rollouts/${rollout.id}/${action}`, { ...input, ...guarded }, { idempotencyKey: key.current.value });
    },
    onMutate: ({ action }) => setState({ action, phase: "sending" }),
    onSuccess: (fresh, { action }) => {
      key.current = null;
      client.setQueryData(rolloutQuery(rollout.id).queryKey, fresh);
      setState({ action, phase: "accepted", at: Date.now() });
    },
    onError: (error, { action }) => {
      setState({ action, phase: "failed", message: messageOf(error) });
      if (!isLineFailure(error)) key.current = null;
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["rollout"] }),
  });
  return { state, run: (action, input) => { if (!mutation.isPending) mutation.mutate({ action, input }); } };
}

/** The answer never came: the action may have happened, so the next press must carry the same key. */
function isLineFailure(error: unknown): boolean {
  return error instanceof TypeError;
}
