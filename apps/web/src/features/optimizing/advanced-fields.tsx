"use client";
import type { Technique } from "@flotilla/fleet";
import { Trash2 } from "lucide-react";
import { IconButton } from "../../components/ui/button.tsx";
import { Checkbox, Field, Input, Select } from "../../components/ui/field.tsx";
import { formatNoun } from "../../lib/format.ts";
import type { RecipeBook } from "./optimizing-queries.ts";
import type { RecipeDraft } from "./recipe-draft.ts";
import { freshTechniques, optionValue, techniqueOptions, withOption } from "./technique-options.ts";

type Change = (part: Partial<RecipeDraft>) => void;

/** Which techniques are tried, with their options; how many examples, and the seed. Folded away until somebody wants it. */
export function AdvancedFields({ draft, book, changed, onChange }: { draft: RecipeDraft; book: RecipeBook; changed: boolean; onChange: Change }) {
  return (
    <details className="rounded-lg border bg-surface shadow-lift">
      <summary className="px-4 py-2.5 text-ui font-semibold max-sm:py-3">Advanced <span className="ml-2 font-normal text-xs text-muted">{formatNoun(draft.techniques.length, "technique")}{changed ? ", changed from the preset" : ""}</span></summary>
      <div className="grid gap-4 border-t p-4">
        <ol className="grid gap-3">
          {draft.techniques.map((technique, position) => (
            // Rows have no identity but their place.
            <TechniqueRow
              key={position} book={book} technique={technique}
              onChange={(next) => onChange({ techniques: draft.techniques.map((other, index) => (index === position ? next : other)) })}
              onRemove={() => onChange({ techniques: draft.techniques.filter((_, index) => index !== position) })}
            />
          ))}
        </ol>
        <AddTechnique draft={draft} book={book} onChange={onChange} />
        <div className="grid gap-3 border-t pt-4 sm:grid-cols-3">
          <Field label="Examples to calibrate with" hint="of the calibration split"><Input inputMode="numeric" value={draft.calibrationSamples} onChange={(event) => onChange({ calibrationSamples: event.target.value })} /></Field>
          <Field label="Examples to test with" optional hint="fewer are quicker and less certain"><Input inputMode="numeric" value={draft.testSamples} placeholder="all" onChange={(event) => onChange({ testSamples: event.target.value })} /></Field>
          <Field label="Seed" hint="the same recipe makes the same bytes"><Input inputMode="numeric" value={draft.seed} onChange={(event) => onChange({ seed: event.target.value })} /></Field>
        </div>
      </div>
    </details>
  );
}

function TechniqueRow({ book, technique, onChange, onRemove }: { book: RecipeBook; technique: Technique; onChange: (next: Technique) => void; onRemove: () => void }) {
  const info = book.techniques.find(({ kind }) => kind === technique.kind);
  const title = info?.title ?? technique.kind;
  const options = techniqueOptions[technique.kind];
  return (
    <li className="rounded-md border p-3">
      <div className="flex items-start gap-3">
        <div className="min-w-0 flex-1"><p className="font-medium">{title}</p><p className="text-xs text-pretty text-muted">{info?.description}</p></div>
        <IconButton size="icon-sm" label={`Take ${title} off`} onClick={onRemove}><Trash2 size={14} aria-hidden /></IconButton>
      </div>
      {options.length > 0 && (
        <div className="mt-3 grid items-end gap-3 sm:grid-cols-3">
          {options.map((option) => {
            const value = optionValue(technique, option);
            if (option.type === "switch") return <Checkbox key={option.field} label={option.label} {...(option.hint !== undefined && { hint: option.hint })} checked={value === true} onChange={(event) => onChange(withOption(technique, option, event.target.checked))} />;
            if (option.type === "choice") return <Field key={option.field} label={option.label}><Select value={String(value)} onChange={(event) => onChange(withOption(technique, option, event.target.value))}>{option.choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.label}</option>)}</Select></Field>;
            return <Field key={option.field} label={option.label}><Input type="number" min={option.min} max={option.max} step={option.step} value={Number(value)} onChange={(event) => onChange(withOption(technique, option, event.target.value))} /></Field>;
          })}
        </div>
      )}
    </li>
  );
}

function AddTechnique({ draft, book, onChange }: { draft: RecipeDraft; book: RecipeBook; onChange: Change }) {
  return (
    <Field label="Add a technique" className="max-w-xs">
      <Select
        value="" disabled={draft.techniques.length >= 12}
        onChange={(event) => {
          const kind = book.techniques.find((info) => info.kind === event.target.value)?.kind;
          if (kind !== undefined) onChange({ techniques: [...draft.techniques, freshTechniques[kind]] });
        }}
      >
        <option value="">Choose…</option>
        {book.techniques.map(({ kind, title }) => <option key={kind} value={kind}>{title}</option>)}
      </Select>
    </Field>
  );
}
