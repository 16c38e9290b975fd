"use client";
import type { VersionView } from "@flotilla/fleet";
import { Checkbox, Field, Select } from "../../components/ui/field.tsx";
import { NumberField, type Change } from "./number-field.tsx";
import type { TrainingDraft } from "./training-draft.ts";
import { VersionPicker } from "./version-picker.tsx";

type Props = { draft: TrainingDraft; teacher: VersionView | null; onChange: Change; onTeacher: (teacher: VersionView | null) => void };

/** What wins back accuracy that a smaller form costs: rounding while it is trained, and another version to learn from. */
export function RecoveryFields({ draft, teacher, onChange, onTeacher }: Props) {
  return (
    <div className="grid gap-3">
      {draft.start === "version" && <RoundingFields draft={draft} onChange={onChange} />}
      <Checkbox label="Learn from a teacher" hint="It is drawn to what another version answers, mistakes and doubts too, not only to the labels." checked={draft.teaches} onChange={(event) => onChange({ teaches: event.target.checked })} />
      {draft.teaches && (
        <div className="grid gap-3 sm:pl-6">
          <VersionPicker version={teacher} labels={{ model: "Teacher's model", version: "Version that teaches" }} onVersion={onTeacher} />
          <div className="grid grid-cols-2 items-start gap-3 lg:grid-cols-4">
            <NumberField draft={draft} field="temperature" label="Temperature" hint="higher: its doubts count more" onChange={onChange} />
            <NumberField draft={draft} field="labelShare" label="Share of the labels, %" hint="the rest is the teacher's" onChange={onChange} />
          </div>
          {draft.start === "template" && <p className="text-xs text-pretty text-muted">The network sees its examples as the teacher does: its preprocessing is taken over.</p>}
        </div>
      )}
    </div>
  );
}

function RoundingFields({ draft, onChange }: { draft: TrainingDraft; onChange: Change }) {
  return (
    <div className="grid gap-3 border-b pb-3">
      <Checkbox
        label="Train with rounding" checked={draft.rounding !== "off"} onChange={(event) => onChange({ rounding: event.target.checked ? "int8" : "off" })}
        hint="Prepares it for integers: each step feels what rounding will cost. What comes of it computes in integers."
      />
      {draft.rounding !== "off" && (
        <div className="grid gap-3 sm:grid-cols-2 sm:pl-6">
          <Field label="Weights" hint={draft.rounding === "w4a8" ? "W4A8: 15 steps, stored in 8 bits each; activations have 8 bits." : "Activations have 8 bits too."}>
            <Select value={draft.rounding} onChange={(event) => onChange({ rounding: event.target.value as TrainingDraft["rounding"] })}><option value="int8">8 bits</option><option value="w4a8">4 bits</option></Select>
          </Field>
          <Field label="Scales of the weights" hint={draft.perChannel ? "Loses less." : "For devices that take nothing else."}>
            <Select value={draft.perChannel ? "channel" : "layer"} onChange={(event) => onChange({ perChannel: event.target.value === "channel" })}><option value="channel">one for each channel</option><option value="layer">one for each layer</option></Select>
          </Field>
        </div>
      )}
    </div>
  );
}
