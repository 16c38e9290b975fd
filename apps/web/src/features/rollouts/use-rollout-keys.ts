"use client";
import { useEffect } from "react";
import type { RolloutAction, RolloutView } from "@flotilla/fleet";

/** p pauses or resumes, a approves, b opens the roll back dialog; off while somebody types or a dialog is open. */
export function useRolloutKeys(rollout: RolloutView, open: (action: RolloutAction) => void): void {
  useEffect(() => {
    const allowed = (action: RolloutAction) => rollout.actions.some((entry) => entry.action === action && entry.allowed);
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || (event.target as HTMLElement).closest("input,select,textarea,[role=alertdialog],[role=dialog]") !== null) return;
      const wanted = ({ p: allowed("pause") ? "pause" : "resume", a: "approve", b: "rollback" } as const)[event.key as "p"];
      if (wanted !== undefined && allowed(wanted)) open(wanted);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
}
