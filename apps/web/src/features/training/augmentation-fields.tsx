"use client";
import type { DatasetSummary } from "@flotilla/fleet";
import { Button } from "../../components/ui/button.tsx";
import { Checkbox } from "../../components/ui/field.tsx";
import { augmentationPresets, augmentationWords } from "./augmentation-words.ts";
import { NumberField, type Change } from "./number-field.tsx";
import type { TrainingDraft } from "./training-draft.ts";

/** How examples are changed at random each time they are seen; what can be done depends on what they are. */
export function AugmentationFields({ draft, kind, onChange }: { draft: TrainingDraft; kind: DatasetSummary["kind"] | null; onChange: Change }) {
  const isImage = kind === "image" || kind === null;
  return (
    <div className="grid gap-3">
      {isImage && (
        <div className="flex flex-wrap gap-2" role="group" aria-label="Sets of changes">
          {augmentationPresets.map(({ label, part }) => <Button key={label} size="sm" onClick={() => onChange(part)}>{label}</Button>)}
        </div>
      )}
      <div className="grid grid-cols-2 items-start gap-3 lg:grid-cols-4">
        {isImage && (
          <>
            <NumberField draft={draft} field="shift" label="Shift, %" onChange={onChange} />
            <NumberField draft={draft} field="crop" label="Crop, pixels" hint="a border, then cut to size at random" onChange={onChange} />
            <NumberField draft={draft} field="rotate" label="Turn, degrees" onChange={onChange} />
            <NumberField draft={draft} field="scale" label="Scale, %" onChange={onChange} />
            <NumberField draft={draft} field="brightness" label="Brightness, %" onChange={onChange} />
            <NumberField draft={draft} field="contrast" label="Contrast, %" onChange={onChange} />
          </>
        )}
        <NumberField draft={draft} field="noise" label="Noise, %" onChange={onChange} />
        <NumberField draft={draft} field="mixup" label="Mixup" hint="0.2 blends pairs of examples" onChange={onChange} />
      </div>
      {isImage && <Checkbox label="Mirror left and right" hint="Not for digits, letters or anything where a mirror image is something else." checked={draft.flip} onChange={(event) => onChange({ flip: event.target.checked })} />}
      <p className="text-xs text-pretty text-muted">{augmentationWords(draft, isImage)}</p>
    </div>
  );
}
