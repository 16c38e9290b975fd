"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import type { DatasetVersionView, JobView, VersionView } from "@flotilla/fleet";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { cn } from "../../lib/class-names.ts";
import { DatasetVersionPicker } from "../datasets/dataset-version-picker.tsx";
import { versionQuery } from "../models/model-queries.ts";
import { MissingPreprocessing } from "./evaluate-button.tsx";
import { GoalFields } from "./goal-fields.tsx";
import { recipesQuery, type RecipeBook } from "./optimizing-queries.ts";
import { draftOfPreset, isPreset, optimizeBody, recipeProblem, type RecipeDraft } from "./recipe-draft.ts";
import { AdvancedFields } from "./advanced-fields.tsx";

/** Examples, a preset or techniques of one's own, and what must be kept; starts the job. */
export function RecipeBuilder({ versionId }: { versionId: string }) {
  const version = useQuery(versionQuery(versionId));
  const book = useQuery(recipesQuery());
  const loading = <Skeleton className="h-64 w-full" />;
  return (
    <QueryView query={version} loading={loading} what="The version could not be loaded">
      {(data) => (data.state === "ready" ? <QueryView query={book} loading={loading} what="Recipes could not be loaded">{(recipes) => <BuilderForm version={data} book={recipes} />}</QueryView> : <EmptyState title={`The version is ${data.state}`}>Only a version that is ready can be optimized.</EmptyState>)}
    </QueryView>
  );
}

function BuilderForm({ version, book }: { version: VersionView; book: RecipeBook }) {
  const router = useRouter();
  const missingRole = useMissingRole("operator");
  const [dataset, setDataset] = useState<DatasetVersionView | null>(null);
  const [draft, setDraft] = useState<RecipeDraft | null>(() => (book.presets[0] === undefined ? null : draftOfPreset(book.presets[0])));
  const preset = book.presets.find(({ name }) => name === draft?.preset);
  const start = useMutation({
    mutationFn: (body: Record<string, unknown>) => apiSend<JobView>("POST", "/jobs", body),
    onSuccess: (job) => router.push(`/jobs/${job.id}` as Route),
  });
  if (draft === null || preset === undefined) return null;
  const change = (part: Partial<RecipeDraft>): void => setDraft({ ...draft, ...part });
  const problem = recipeProblem(draft, dataset, book.techniques, version.preprocessing !== null);
  return (
    <form
      className="grid max-w-4xl gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (problem === null && !start.isPending && !start.isSuccess) start.mutate(optimizeBody(draft, { versionId: version.id, datasetVersionId: dataset?.id ?? null, preset }));
      }}
    >
      <Card title="Examples" subtitle="to calibrate with, and to say what a variant costs">
        <div className="grid gap-3">
          {version.preprocessing === null && <MissingPreprocessing version={version} />}
          <DatasetVersionPicker value={dataset} none="None: only what needs no examples" onChange={setDataset} />
          {dataset === null && <p className="text-xs text-pretty text-muted">Without a dataset the outputs of a variant are compared with those of its parent; nobody knows its accuracy.</p>}
        </div>
      </Card>
      <PresetCards book={book} draft={draft} onChoose={(name) => { const chosen = book.presets.find((candidate) => candidate.name === name); if (chosen !== undefined) setDraft(draftOfPreset(chosen)); }} />
      <Card title="Goal" subtitle="what a variant must keep to be offered"><GoalFields draft={draft} onChange={change} /></Card>
      <AdvancedFields draft={draft} book={book} changed={!isPreset(draft, preset)} onChange={change} />
      {start.isError && <ErrorNote>{messageOf(start.error)}</ErrorNote>}
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" kind="primary" size="lg" busy={start.isPending || start.isSuccess} disabled={problem !== null || missingRole !== undefined} title={missingRole}>Start optimizing</Button>
        <span role="status" className="min-w-0 flex-1 text-pretty text-muted">{problem ?? `${draft.techniques.length === 1 ? "One candidate is" : `${draft.techniques.length} candidates are`} made, checked and measured beside v${version.number}. It can be cancelled.`}</span>
      </div>
    </form>
  );
}

function PresetCards({ book, draft, onChoose }: { book: RecipeBook; draft: RecipeDraft; onChoose: (name: string) => void }) {
  return (
    <fieldset>
      <legend className="sr-only">Preset</legend>
      <div className="grid gap-3 sm:grid-cols-3">
        {book.presets.map((preset) => (
          <label key={preset.name} className={cn("flex cursor-pointer flex-col gap-1 rounded-lg border bg-surface p-4 shadow-lift has-focus-visible:outline-2 has-focus-visible:outline-(--accent-text)", draft.preset === preset.name ? "border-accent-text bg-accent-soft" : "hover:border-line-strong")}>
            <span className="flex items-center gap-2 font-medium"><input type="radio" name="preset" className="size-4 accent-(--accent) outline-none" value={preset.name} checked={draft.preset === preset.name} onChange={() => onChoose(preset.name)} />{preset.title}</span>
            <span className="text-xs text-pretty text-muted">{preset.description}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
