"use client";
import { Checkbox, Field, Input, Select } from "../../components/ui/field.tsx";
import type { RecipeDraft } from "./recipe-draft.ts";

/** Limits that a variant must keep, and what is wanted most. An empty limit does not limit. */
export function GoalFields({ draft, onChange }: { draft: RecipeDraft; onChange: (part: Partial<RecipeDraft>) => void }) {
  return (
    <div className="grid gap-4">
      <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-4">
        <Field label="Wanted most"><Select value={draft.objective} onChange={(event) => onChange({ objective: event.target.value as RecipeDraft["objective"] })}><option value="size">small size</option><option value="latency">short time</option></Select></Field>
        <Field label="Accuracy may drop by" hint="percentage points, on the test split"><Input inputMode="decimal" value={draft.maxDropPoints} onChange={(event) => onChange({ maxDropPoints: event.target.value })} /></Field>
        <Field label="Size at most" optional hint="MiB on disk"><Input inputMode="decimal" value={draft.maxSizeMiB} placeholder="no limit" onChange={(event) => onChange({ maxSizeMiB: event.target.value })} /></Field>
        <Field label="p95 at most" optional hint="ms on the worker's machine"><Input inputMode="decimal" value={draft.maxLatencyMsP95} placeholder="no limit" onChange={(event) => onChange({ maxLatencyMsP95: event.target.value })} /></Field>
      </div>
      <Checkbox label="Must hold on every CPU" hint="Also on x86 CPUs without VNNI, where products of 8 bits can saturate; predicted by integer emulation." checked={draft.safeOnEveryCpu} onChange={(event) => onChange({ safeOnEveryCpu: event.target.checked })} />
    </div>
  );
}
