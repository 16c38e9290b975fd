"use client";
import { AlertDialog } from "@base-ui/react/alert-dialog";
import { useState, type ReactNode } from "react";
import { messageOf } from "../../lib/api-client.ts";
import { Button, buttonClass } from "./button.tsx";
import { Field, Input } from "./field.tsx";
import { ErrorNote } from "./notice.tsx";

/**
 * Asks before something that cannot be taken back easily. The button says what it does ("Revoke key"), `children` say
 * what follows from it. What fails is told inside, and the dialog stays.
 */
export function ConfirmDialog({ open, onOpenChange, title, action, onConfirm, asksReason = false, danger = true, children }: {
  open: boolean; onOpenChange: (open: boolean) => void; title: string; action: string; onConfirm: (reason: string | undefined) => Promise<unknown>;
  asksReason?: boolean; danger?: boolean; children?: ReactNode;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [reason, setReason] = useState("");
  const run = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await onConfirm(reason.trim() === "" ? undefined : reason.trim());
      setReason("");
      onOpenChange(false);
    } catch (thrown) {
      setError(thrown);
    } finally {
      setBusy(false);
    }
  };
  return (
    <AlertDialog.Root open={open} onOpenChange={onOpenChange}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="fixed inset-0 z-40 bg-scrim transition-opacity duration-150 data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <AlertDialog.Popup className="fixed inset-x-4 top-1/2 z-50 mx-auto max-w-md -translate-y-1/2 rounded-xl border bg-raised text-ink shadow-float outline-none popup-motion">
          <div className="px-5 pt-4 pb-5">
            <AlertDialog.Title className="text-sm font-semibold">{title}</AlertDialog.Title>
            <AlertDialog.Description render={<div />} className="mt-1.5 text-pretty text-muted">{children}</AlertDialog.Description>
            {asksReason && <Field label="Reason" optional hint="Goes into the audit log." className="mt-3"><Input value={reason} maxLength={1000} onChange={(event) => setReason(event.target.value)} /></Field>}
            {error !== null && <ErrorNote className="mt-3">{messageOf(error)}</ErrorNote>}
          </div>
          <div className="flex justify-end gap-2 rounded-b-xl border-t bg-sunken px-5 py-3">
            <AlertDialog.Close className={buttonClass({ kind: "secondary" })}>Cancel</AlertDialog.Close>
            <Button kind={danger ? "danger" : "primary"} busy={busy} onClick={() => void run()}>{action}</Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
