"use client";
import type { ReactNode } from "react";
import { Field, Input } from "../../components/ui/field.tsx";
import { numberProblem, numberRules, type NumberField as Name, type TrainingDraft } from "./training-draft.ts";

export type Change = (part: Partial<TrainingDraft>) => void;

/** A number of the draft with what is wrong with it below. */
export function NumberField({ draft, field, label, hint, placeholder, onChange }: { draft: TrainingDraft; field: Name; label: string; hint?: ReactNode; placeholder?: string; onChange: Change }) {
  const { optional = false, whole = false } = numberRules[field];
  return (
    <Field label={label} optional={optional} error={numberProblem(draft, field)} {...(hint !== undefined && { hint })}>
      <Input inputMode={whole ? "numeric" : "decimal"} value={draft[field]} placeholder={placeholder} onChange={(event) => onChange({ [field]: event.target.value })} />
    </Field>
  );
}
