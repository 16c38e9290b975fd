"use client";
import { Field, Input, Select, Textarea } from "../../components/ui/field.tsx";
import type { OptionsDraft } from "./dataset-options.ts";
import { splitNames } from "./dataset-words.tsx";

const FORMATS = [["auto", "Found out from the files"], ["image-folder", "ZIP with a folder per class"], ["idx", "IDX"], ["npy", "NPY"], ["npz", "NPZ"], ["csv", "CSV"], ["wav-folder", "ZIP with sounds"]] as const;

/** How files become examples; all of it may stay as it is. */
export function OptionsFields({ draft, onChange }: { draft: OptionsDraft; onChange: (part: Partial<OptionsDraft>) => void }) {
  return (
    <details className="rounded-md border">
      <summary className="px-3 py-2 text-ui font-medium max-sm:py-3">Reading and splitting</summary>
      <div className="grid gap-4 border-t p-3">
        <Field label="Format"><Select value={draft.format} onChange={(event) => onChange({ format: event.target.value })}>{FORMATS.map(([value, label]) => <option key={value} value={value}>{label}</option>)}</Select></Field>
        <fieldset>
          <legend className="mb-1 text-xs font-medium">Shares of the splits, in % <span className="font-normal text-muted">empty: usual ones, or folders named train, val and test</span></legend>
          <div className="grid grid-cols-2 gap-2">
            {splitNames.map((split) => (
              <Field key={split} label={<span className="font-normal text-muted">{split}</span>}>
                <Input inputMode="decimal" value={draft.shares[split]} onChange={(event) => onChange({ shares: { ...draft.shares, [split]: event.target.value } })} />
              </Field>
            ))}
          </div>
        </fieldset>
        <Field label="Seed" hint="The same seed deals the same examples to the same splits."><Input inputMode="numeric" value={draft.seed} onChange={(event) => onChange({ seed: event.target.value })} /></Field>
        <Field label="Classes, in the model's order" optional hint="One per line. Needed when a trained model numbers its classes in another order than their names sort."><Textarea rows={3} value={draft.classes} onChange={(event) => onChange({ classes: event.target.value })} /></Field>
        <Field label="Keep together up to" optional hint="Files whose names begin alike up to this character stay in one split: pictures of one scene, for example."><Input value={draft.groupPrefix} maxLength={8} placeholder="_" onChange={(event) => onChange({ groupPrefix: event.target.value })} /></Field>
        <Field label="Unusable examples allowed, in %" optional hint="They are left out and reported. Without it the first one refuses the version."><Input inputMode="decimal" value={draft.toleratedPercent} onChange={(event) => onChange({ toleratedPercent: event.target.value })} /></Field>
        <TableFields draft={draft} onChange={onChange} />
      </div>
    </details>
  );
}

function TableFields({ draft, onChange }: { draft: OptionsDraft; onChange: (part: Partial<OptionsDraft>) => void }) {
  return (
    <>
      <Field label="Task"><Select value={draft.task} onChange={(event) => onChange({ task: event.target.value })}><option value="auto">Found out from the labels</option><option value="classification">Classification</option><option value="regression">Regression</option></Select></Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="CSV: label column" optional><Input value={draft.labelColumn} onChange={(event) => onChange({ labelColumn: event.target.value })} /></Field>
        <Field label="CSV: ignored columns" optional><Input value={draft.ignoreColumns} placeholder="id, timestamp" onChange={(event) => onChange({ ignoreColumns: event.target.value })} /></Field>
        <Field label="NPZ: array of examples" optional><Input value={draft.xKey} placeholder="x" onChange={(event) => onChange({ xKey: event.target.value })} /></Field>
        <Field label="NPZ: array of labels" optional><Input value={draft.yKey} placeholder="y" onChange={(event) => onChange({ yKey: event.target.value })} /></Field>
      </div>
    </>
  );
}
