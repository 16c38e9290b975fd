"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { TrainingView } from "@flotilla/fleet";
import { RotateCw } from "lucide-react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { Button } from "../../components/ui/button.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { trainingQuery } from "./training-queries.ts";

/** Starts a run that ended without a version again, at its newest checkpoint. */
export function RetryButton({ training }: { training: TrainingView }) {
  const client = useQueryClient();
  const missingRole = useMissingRole("operator");
  const retry = useMutation({ mutationFn: () => apiSend("POST", `/jobs/${training.jobId}/retry`, {}), onSuccess: () => client.invalidateQueries({ queryKey: trainingQuery(training.id).queryKey }) });
  useShortcuts("Training", missingRole === undefined ? [{ keys: "r", label: "Go on", run: () => retry.mutate() }] : []);
  return (
    <>
      {retry.isError && <ErrorNote>{messageOf(retry.error)}</ErrorNote>}
      <Button kind="primary" busy={retry.isPending} disabled={missingRole !== undefined} title={missingRole} onClick={() => retry.mutate()}><RotateCw size={14} aria-hidden />{training.epoch === null ? "Try again" : `Go on after epoch ${training.epoch}`}</Button>
    </>
  );
}
