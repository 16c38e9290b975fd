"use client";
import { useState, type FormEvent } from "react";
import { ApiProblem, messageOf } from "../../lib/api-client.ts";

export type Submitting = {
  busy: boolean;
  /** What went wrong, unless a field says it. */
  error: string | null;
  /** What is wrong with a field. */
  faultOf(field: string): string | undefined;
  onSubmit(event: FormEvent<HTMLFormElement>): void;
};

/** A form that is sent by script: one call at a time, faults beside their fields, the rest above the button. */
export function useSubmit(send: (fields: Record<string, string>) => Promise<void>): Submitting {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const faults = failed instanceof ApiProblem ? failed.faults : [];
  const onSubmit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (busy) return;
    const fields = Object.fromEntries([...new FormData(event.currentTarget)].map(([name, value]) => [name, String(value)]));
    setBusy(true);
    setFailed(null);
    // After success the page leaves; the button stays busy until then.
    send(fields).catch((error: unknown) => {
      setFailed(error);
      setBusy(false);
    });
  };
  return {
    busy,
    error: failed === null || faults.length > 0 ? null : messageOf(failed),
    faultOf: (field) => faults.find((fault) => fault.path === field)?.message,
    onSubmit,
  };
}
