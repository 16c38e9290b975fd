"use client";
import { useState, type ReactNode } from "react";
import { AlertDialog } from "@base-ui/react/alert-dialog";
import type { RolloutAction, RolloutView } from "@flotilla/fleet";
import { formatNoun } from "../../lib/format.ts";
import { rollbackSize } from "./blast-radius.ts";
import { planInShort } from "./wave-plan.ts";

export type ActionInput = { reason?: string };

/** Asks once, with the number of devices it concerns; the button repeats what will happen. Escape and "Keep as it is" do nothing. */
export function ActionDialog({ action, rollout, onClose, onConfirm }: { action: RolloutAction; rollout: RolloutView; onClose: () => void; onConfirm: (input: ActionInput) => void }) {
  const [reason, setReason] = useState("");
  const text = textOf(action, rollout);
  const needsReason = action === "resume" && rollout.state === "halted";
  const missing = needsReason && reason.trim() === "";
  return (
    <AlertDialog.Root open onOpenChange={(open) => { if (!open) onClose(); }}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="fixed inset-0 z-40 bg-black/40" />
        <AlertDialog.Popup className="fixed top-1/2 left-1/2 z-50 grid max-h-[90dvh] w-[30rem] max-w-[calc(100vw-1.5rem)] -translate-x-1/2 -translate-y-1/2 gap-3 overflow-auto rounded-xl border border-line-strong bg-surface p-5 text-ink shadow-xl">
          <AlertDialog.Title className="text-base font-semibold text-balance">{text.title}</AlertDialog.Title>
          <AlertDialog.Description render={<div />} className="grid gap-2 text-ui text-pretty">{text.body}</AlertDialog.Description>
          <form className="grid gap-3" onSubmit={(event) => { event.preventDefault(); if (!missing) onConfirm(reason.trim() === "" ? {} : { reason: reason.trim() }); }}>
            <label className="grid gap-1 text-ui">
              <span>Reason {needsReason ? "" : <span className="text-muted">(optional, kept in the audit)</span>}</span>
              <input value={reason} onChange={(event) => setReason(event.target.value)} maxLength={500} required={needsReason} className="h-9 rounded-md border border-line-strong bg-transparent px-2.5 max-sm:h-11" />
            </label>
            <div className="flex flex-wrap justify-end gap-2 max-sm:grid">
              <AlertDialog.Close className="h-9 rounded-md border border-line-strong px-3.5 text-ui hover:bg-hover max-sm:order-2 max-sm:h-12">Keep as it is</AlertDialog.Close>
              <button type="submit" disabled={missing} className={`h-9 rounded-md px-3.5 text-ui font-medium text-accent-ink disabled:opacity-50 max-sm:h-12 ${action === "rollback" || action === "cancel" ? "bg-(--danger-fill)" : "bg-accent"}`}>{text.button}</button>
            </div>
          </form>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

function textOf(action: RolloutAction, rollout: RolloutView): { title: string; body: ReactNode; button: string } {
  const { counts } = rollout;
  switch (action) {
    case "rollback": return rollbackText(rollout);
    case "start": return {
      title: `Start ${rollout.name}?`, button: `Start with ${formatNoun(rollout.waves[0]?.counts.total ?? counts.total, "device")}`,
      body: <p>{rollout.build.name} goes to {formatNoun(counts.total - counts.skipped, "device")} of {rollout.fleet.name}: {planInShort(rollout.waves)}. It can be paused at any time with one key.</p>,
    };
    case "resume": return {
      title: `Resume ${rollout.name}?`, button: "Resume",
      body: rollout.state === "halted"
        ? <p>{counts.failed + counts.rolledBack + counts.timedOut} failures so far are taken as seen: only new ones can halt it again. {formatNoun(counts.queued, "device")} not reached yet will be offered the build wave by wave.</p>
        : <p>{formatNoun(counts.queued, "device")} not reached yet will be offered the build, wave by wave.</p>,
    };
    case "cancel": return {
      title: `End ${rollout.name}?`, button: "Cancel rollout",
      body: <p>{formatNoun(counts.queued, "device")} will not be offered the build. {formatNoun(counts.succeeded, "device keeps", "devices keep")} it; devices that are installing are told to stop if they have not switched. A cancelled rollout cannot be resumed.</p>,
    };
    case "approve": return { title: `Approve the next wave of ${rollout.name}?`, button: "Approve", body: <p>{formatNoun(counts.queued, "device")} are not reached yet; the next wave opens at once.</p> };
    case "pause": return { title: `Pause ${rollout.name}?`, button: "Pause", body: <p>No further device is offered the build.</p> };
  }
}

function rollbackText(rollout: RolloutView): { title: string; body: ReactNode; button: string } {
  const size = rollbackSize(rollout.counts);
  const { unreachable } = rollout.counts;
  return {
    title: `Roll back ${formatNoun(size, "device")}?`, button: `Roll back ${formatNoun(size, "device")}`,
    body: (
      <>
        <p>Each device returns to its own previous build, all at once, without waves. A device that still has it in its second slot switches in seconds; the others download it first.</p>
        <ul className="list-disc pl-5">
          <li>{formatNoun(rollout.counts.queued, "device")} not reached yet will not be offered {rollout.build.name} any more.</li>
          {unreachable > 0 && <li>{formatNoun(unreachable, "device")} cannot be reached now and will return when they are back.</li>}
          <li>Results that the new build has already produced stay where they are.</li>
        </ul>
      </>
    ),
  };
}
