"use client";
import { useRef, useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { RolloutAction, RolloutView } from "@flotilla/fleet";
import { apiSend, messageOf, newIdempotencyKey } from "../../lib/api-client.ts";
import type { ActionInput } from "./action-dialog.tsx";
import { rolloutQuery } from "./rollout-queries.ts";

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
      if (key.current?.action !== action) key.current = { action, value: newIdempotencyKey() };
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
