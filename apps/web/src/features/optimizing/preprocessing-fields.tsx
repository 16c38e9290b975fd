"use client";
import type { VersionInspection } from "@flotilla/fleet";
import { Button } from "../../components/ui/button.tsx";
import { Checkbox, Field, Input, Select } from "../../components/ui/field.tsx";
import { normalisations, type PreprocessingDraft } from "./preprocessing-draft.ts";

type Part = { draft: PreprocessingDraft; onChange: (part: Partial<PreprocessingDraft>) => void };

/** Steps in the order in which they are done. */
export function ImageFields({ draft, onChange }: Part) {
  return (
    <>
      <fieldset className="grid gap-2">
        <Checkbox label="Resize" checked={draft.resize} onChange={(event) => onChange({ resize: event.target.checked })} />
        {draft.resize && (
          <div className="grid gap-3 sm:grid-cols-3">
            <Field label="Width"><Input inputMode="numeric" value={draft.width} onChange={(event) => onChange({ width: event.target.value })} /></Field>
            <Field label="Height"><Input inputMode="numeric" value={draft.height} onChange={(event) => onChange({ height: event.target.value })} /></Field>
            <Field label="When the sides do not match"><Select value={draft.fit} onChange={(event) => onChange({ fit: event.target.value as PreprocessingDraft["fit"] })}><option value="stretch">stretch</option><option value="cover">cover, cut what stands out</option><option value="contain">contain, fill the rest</option></Select></Field>
          </div>
        )}
      </fieldset>
      <fieldset className="grid gap-2">
        <Checkbox label="Crop from the middle" checked={draft.crop} onChange={(event) => onChange({ crop: event.target.checked })} />
        {draft.crop && (
          <div className="grid gap-3 sm:grid-cols-3">
            <Field label="Crop width"><Input inputMode="numeric" value={draft.cropWidth} onChange={(event) => onChange({ cropWidth: event.target.value })} /></Field>
            <Field label="Crop height"><Input inputMode="numeric" value={draft.cropHeight} onChange={(event) => onChange({ cropHeight: event.target.value })} /></Field>
          </div>
        )}
      </fieldset>
      <div className="grid items-end gap-3 sm:grid-cols-3">
        <Field label="Channels"><Select value={draft.channels} onChange={(event) => onChange({ channels: event.target.value as PreprocessingDraft["channels"] })}><option value="rgb">red, green, blue</option><option value="bgr">blue, green, red</option><option value="grey">grey</option></Select></Field>
        <Field label="Layout"><Select value={draft.layout} onChange={(event) => onChange({ layout: event.target.value as PreprocessingDraft["layout"] })}><option value="nchw">channels first (NCHW)</option><option value="nhwc">channels last (NHWC)</option></Select></Field>
        <Checkbox label="Invert (255 − x)" checked={draft.invert} onChange={(event) => onChange({ invert: event.target.checked })} />
      </div>
    </>
  );
}

export function AudioFields({ draft, onChange }: Part) {
  return (
    <div className="grid items-end gap-3 sm:grid-cols-3">
      <Field label="Length in samples"><Input inputMode="numeric" value={draft.lengthSamples} onChange={(event) => onChange({ lengthSamples: event.target.value })} /></Field>
      <Checkbox label="The input has a channel axis" checked={draft.channelAxis} onChange={(event) => onChange({ channelAxis: event.target.checked })} />
    </div>
  );
}

export function NormalFields({ draft, onChange }: Part) {
  const hasMean = draft.kind !== "audio";
  return (
    <fieldset className="grid gap-3">
      <legend className="mb-1 text-xs font-medium">Normalisation <span className="font-normal text-muted">{hasMean ? "(x × scale − mean) ÷ std" : "x × scale"}</span></legend>
      {draft.kind === "image" && <div className="flex flex-wrap gap-1.5">{normalisations.map(({ label, part }) => <Button key={label} size="sm" onClick={() => onChange(part)}>{label}</Button>)}</div>}
      <div className="grid gap-3 sm:grid-cols-4">
        <Field label="Scale"><Input value={draft.scale} onChange={(event) => onChange({ scale: event.target.value })} /></Field>
        {hasMean && <Field label="Mean"><Input value={draft.mean} placeholder="none" onChange={(event) => onChange({ mean: event.target.value })} /></Field>}
        {hasMean && <Field label="Std"><Input value={draft.std} placeholder="none" onChange={(event) => onChange({ std: event.target.value })} /></Field>}
        <Field label="Type of the input"><Select value={draft.elementType} onChange={(event) => onChange({ elementType: event.target.value as PreprocessingDraft["elementType"] })}><option>float32</option><option>float16</option><option>uint8</option></Select></Field>
      </div>
    </fieldset>
  );
}

/** Which input takes the example and which output has the scores; only to be said when there are several. */
export function EndFields({ draft, onChange, inspection }: Part & { inspection: VersionInspection | null }) {
  if (inspection === null || (inspection.inputs.length < 2 && inspection.outputs.length < 2)) return null;
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <Field label="Input that takes the example"><Select value={draft.input} onChange={(event) => onChange({ input: event.target.value })}><option value="">the only one</option>{inspection.inputs.map(({ name }) => <option key={name}>{name}</option>)}</Select></Field>
      <Field label="Output that has the scores"><Select value={draft.output} onChange={(event) => onChange({ output: event.target.value })}><option value="">the first one</option>{inspection.outputs.map(({ name }) => <option key={name}>{name}</option>)}</Select></Field>
    </div>
  );
}
