"use client";
import { Field, Input, Textarea } from "../../components/ui/field.tsx";
import type { Change } from "./number-field.tsx";
import { parametersOf, type TrainingDraft } from "./training-draft.ts";

/** For teams with scripts of their own: what a runner that claims the run is told. */
export function OutsideFields({ draft, onChange }: { draft: TrainingDraft; onChange: Change }) {
  return (
    <div className="grid gap-3">
      <p className="text-pretty text-muted">It waits until a program with a key for it claims it, gets the examples, trains in its own way, and uploads a model. Curves, log and lineage are as for runs here.</p>
      <Field label="Script" hint="a name that the runner knows" className="max-w-md"><Input value={draft.script} maxLength={100} placeholder="train.py" onChange={(event) => onChange({ script: event.target.value })} /></Field>
      <Field label="Parameters" hint="a JSON object, handed over as it is" {...(parametersOf(draft.parameters) === null && { error: "This is no JSON object." })}><Textarea className="min-h-24 font-mono" spellCheck={false} value={draft.parameters} onChange={(event) => onChange({ parameters: event.target.value })} /></Field>
    </div>
  );
}
