"use client";
import { useQueryClient } from "@tanstack/react-query";
import type { TrainingView } from "@flotilla/fleet";
import { Ban, Flag } from "lucide-react";
import { useState } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { Button } from "../../components/ui/button.tsx";
import { ConfirmDialog } from "../../components/ui/confirm-dialog.tsx";
import { apiSend } from "../../lib/api-client.ts";
import { bestWords } from "./curve-reading.ts";
import { trainingQuery } from "./training-queries.ts";

/** Ends a run: with the best weights so far as its result, or without any. Both say what follows before they do it. */
export function StopButton({ training }: { training: TrainingView }) {
  const client = useQueryClient();
  const missingRole = useMissingRole("operator");
  const [asked, setAsked] = useState<"stop" | "cancel" | null>(null);
  const canStop = training.state === "running" && !training.stopRequested && !training.cancelRequested;
  const canCancel = !training.cancelRequested;
  useShortcuts("Training", canStop && missingRole === undefined ? [{ keys: "s", label: "Stop and keep the best", run: () => setAsked("stop") }] : []);
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: trainingQuery(training.id).queryKey });
  return (
    <>
      {canStop && <Button kind="primary" disabled={missingRole !== undefined} title={missingRole} onClick={() => setAsked("stop")}><Flag size={14} aria-hidden />Stop, keep the best</Button>}
      {canCancel && <Button kind="danger" disabled={missingRole !== undefined} title={missingRole} onClick={() => setAsked("cancel")}><Ban size={14} aria-hidden />Cancel</Button>}
      <ConfirmDialog
        open={asked === "stop"} onOpenChange={(open) => setAsked(open ? "stop" : null)} title="Stop and keep the best weights?" action="Stop the training" danger={false}
        onConfirm={async () => {
          await apiSend("POST", `/trainings/${training.id}/stop`, {});
          await refresh();
        }}
      >
        {training.best === null
          ? "It ends after this step. No epoch is finished, so the weights of this moment become the version."
          : `It ends after this step. The weights of epoch ${training.best.epoch} (${bestWords(training.best)}) become the version.`}
      </ConfirmDialog>
      <ConfirmDialog
        open={asked === "cancel"} onOpenChange={(open) => setAsked(open ? "cancel" : null)} title="Cancel this training?" action="Cancel the training" asksReason
        onConfirm={async (reason) => {
          await apiSend("POST", `/jobs/${training.jobId}/cancel`, { ...(reason !== undefined && { reason }) });
          await refresh();
        }}
      >
        No version is made of it. Its curves and its log stay.
      </ConfirmDialog>
    </>
  );
}
