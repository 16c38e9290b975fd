"use client";
import { Check, Pause, Play, RotateCcw, X } from "lucide-react";
import type { RolloutAction, RolloutView } from "@flotilla/fleet";
import { formatClock, formatNoun } from "../../lib/format.ts";
import { ActionDialog, type ActionInput } from "./action-dialog.tsx";
import type { ActionState } from "./use-rollout-action.ts";
import { actionWords } from "./words.ts";
import { rollbackSize } from "./blast-radius.ts";

const ICONS: Record<RolloutAction, typeof Pause> = { start: Play, pause: Pause, resume: Play, cancel: X, rollback: RotateCcw, approve: Check };

/**
 * What can be done now. Pause acts at once; everything else asks in a dialog that counts devices. A button that cannot act says why below.
 * On a phone the bar is fixed at the bottom with thumb-sized buttons, as long as there is something to press; roll back never lies beside approve.
 */
export function ActionBar({ rollout, state, dialog, press, close, confirm }: {
  rollout: RolloutView; state: ActionState | null; dialog: RolloutAction | null; press: (action: RolloutAction) => void; close: () => void; confirm: (action: RolloutAction, input: ActionInput) => void;
}) {
  const shown = shownActions(rollout);
  const reasons = shown.filter((entry) => !entry.allowed && entry.reason !== null);
  const isAtHand = state !== null || shown.some((entry) => entry.allowed);
  if (shown.length === 0 && state === null) return null;
  return (
    <div className={isAtHand ? "max-sm:fixed max-sm:inset-x-0 max-sm:bottom-[calc(3.5rem+env(safe-area-inset-bottom))] max-sm:z-20 max-sm:border-t max-sm:bg-raised max-sm:px-3 max-sm:py-2 max-sm:shadow-float" : undefined}>
      <div className="flex flex-wrap items-center gap-2 max-sm:grid max-sm:grid-flow-col max-sm:auto-cols-fr">
        {shown.map(({ action, allowed }) => (
          <ActionButton key={action} action={action} allowed={allowed} sending={state?.action === action && state.phase === "sending"} busy={state?.phase === "sending"} devices={action === "rollback" ? rollbackSize(rollout.counts) : null} onPress={() => press(action)} />
        ))}
      </div>
      {reasons.length > 0 && (
        <ul id="rollout-action-reasons" className="mt-1.5 text-xs text-muted max-sm:max-h-16 max-sm:overflow-auto">
          {reasons.map((entry) => <li key={entry.action}><span className="font-medium">{actionWords[entry.action]}:</span> {entry.reason}</li>)}
        </ul>
      )}
      <Outcome state={state} />
      {dialog !== null && <ActionDialog action={dialog} rollout={rollout} onClose={close} onConfirm={(input) => confirm(dialog, input)} />}
    </div>
  );
}

type Entry = { action: RolloutAction; allowed: boolean; reason: string | null };

/** Pause and resume share a place; approve is shown only where a person is waited for. What is rolled back says so in its verdict and offers nothing. */
export function shownActions(rollout: Pick<RolloutView, "actions" | "state">): Entry[] {
  const find = (action: RolloutAction) => rollout.actions.find((entry) => entry.action === action);
  const lead = rollout.state === "draft" ? find("start") : rollout.state === "paused" || rollout.state === "halted" ? find("resume") : find("pause");
  const approve = find("approve");
  const ended = rollout.state === "rolled_back" || rollout.state === "cancelled" || rollout.state === "superseded";
  return [
    ...(lead === undefined || ended || rollout.state === "completed" || rollout.state === "rolling_back" ? [] : [lead]),
    ...(approve?.allowed === true ? [approve] : []),
    ...[find("cancel")].filter((entry) => entry !== undefined && rollout.state !== "completed" && !ended).flatMap((entry) => entry ?? []),
    ...[find("rollback")].filter((entry) => entry !== undefined && rollout.state !== "draft" && rollout.state !== "rolled_back").flatMap((entry) => entry ?? []),
  ];
}

const LOOK: Partial<Record<RolloutAction, string>> = {
  start: "border-transparent bg-(--chart-1) text-accent-ink dark:text-black hover:brightness-110",
  pause: "border-(--state-warn) hover:bg-hover",
  resume: "border-accent hover:bg-hover",
  rollback: "border-(--state-bad) text-bad hover:bg-hover",
};

function ActionButton({ action, allowed, sending, busy, devices, onPress }: { action: RolloutAction; allowed: boolean; sending: boolean; busy: boolean; devices: number | null; onPress: () => void }) {
  const Icon = ICONS[action];
  return (
    <button
      type="button" onClick={() => allowed && !busy && onPress()} aria-disabled={!allowed || busy || undefined} aria-describedby={allowed ? undefined : "rollout-action-reasons"}
      title={devices === null || !allowed ? undefined : `would take back ${formatNoun(devices, "device")}`}
      className={`inline-flex h-9 items-center justify-center gap-2 rounded-md border px-3.5 text-ui font-medium whitespace-nowrap aria-disabled:cursor-not-allowed aria-disabled:opacity-50 max-sm:h-12 max-sm:gap-1.5 max-sm:px-1 ${LOOK[action] ?? "border-line-strong hover:bg-hover"}`}
    >
      <Icon size={15} aria-hidden className="shrink-0" />{sending ? "Sending…" : actionWords[action]}
    </button>
  );
}

/** What became of the last press, by the server's word: never painted before it answered. */
function Outcome({ state }: { state: ActionState | null }) {
  if (state === null) return null;
  return (
    <p role="status" className={`mt-1.5 text-xs ${state.phase === "failed" ? "text-bad" : "text-muted"}`}>
      {state.phase === "sending" && `${actionWords[state.action]}: sending…`}
      {state.phase === "accepted" && `${actionWords[state.action]}: accepted ${formatClock(state.at)}. It is safe to close this page.`}
      {state.phase === "failed" && `${actionWords[state.action]} failed: ${state.message}`}
    </p>
  );
}
