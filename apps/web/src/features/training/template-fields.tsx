"use client";
import type { UseQueryResult } from "@tanstack/react-query";
import type { FittingTemplate } from "@flotilla/fleet";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { cn } from "../../lib/class-names.ts";
import { formatCompact } from "../../lib/format.ts";

type Choice = { template: string | null; preset: string | null };

/** Networks that suit the examples, each in several sizes with what they cost. */
export function TemplateFields({ templates, value, onChange }: { templates: UseQueryResult<{ items: FittingTemplate[] }>; value: Choice; onChange: (choice: Choice) => void }) {
  return (
    <QueryView query={templates} what="Templates could not be loaded" loading={<Skeleton className="h-40 w-full" />}>
      {({ items }) => (items.length === 0
        ? <p className="text-muted">No template suits these examples, or they were read before there were any: then look at them again as a new version. Or go on from a model version.</p>
        : (
          <fieldset>
            <legend className="sr-only">Template</legend>
            <div className="grid gap-3 sm:grid-cols-2">{items.map((template) => <TemplateCard key={template.id} template={template} value={value} onChange={onChange} />)}</div>
          </fieldset>
        ))}
    </QueryView>
  );
}

function TemplateCard({ template, value, onChange }: { template: FittingTemplate; value: Choice; onChange: (choice: Choice) => void }) {
  const isChosen = value.template === template.id;
  return (
    <div role="group" aria-label={template.title} className={cn("flex flex-col gap-2 rounded-lg border p-3", isChosen ? "border-accent-text bg-accent-soft" : "bg-surface")}>
      <div><p className="font-medium">{template.title}</p><p className="text-xs text-pretty text-muted">{template.description}</p></div>
      <div className="mt-auto grid gap-1">
        {template.presets.map((preset) => (
          <label key={preset.id} className="flex cursor-pointer items-baseline gap-2 rounded px-1 py-0.5 hover:bg-hover has-focus-visible:outline-2 has-focus-visible:outline-(--accent-text) max-sm:py-2">
            <input type="radio" name="template" className="size-4 shrink-0 self-center accent-(--accent) outline-none" checked={isChosen && value.preset === preset.id} onChange={() => onChange({ template: template.id, preset: preset.id })} />
            <span className="min-w-0 flex-1">{preset.title}</span>
            <span className="text-xs text-muted tabular">{costWords(preset)}</span>
          </label>
        ))}
      </div>
    </div>
  );
}

function costWords({ parameters, macs }: FittingTemplate["presets"][number]): string {
  return `${formatCompact(parameters)} parameters, ${formatCompact(macs)} MACs`;
}
