"use client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { DatasetVersionView, Split, TrainingView, VersionView } from "@flotilla/fleet";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useQueryStates } from "nuqs";
import { useState } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { Field, Input } from "../../components/ui/field.tsx";
import { Notice } from "../../components/ui/notice.tsx";
import { apiSend } from "../../lib/api-client.ts";
import { cn } from "../../lib/class-names.ts";
import { formatCount } from "../../lib/format.ts";
import { DatasetVersionPicker } from "../datasets/dataset-version-picker.tsx";
import { AugmentationFields } from "./augmentation-fields.tsx";
import { AdvancedFields, MainFields } from "./hyper-fields.tsx";
import { newTrainingParams } from "./new-training-params.ts";
import { OutsideFields } from "./outside-fields.tsx";
import { RecoveryFields } from "./recovery-fields.tsx";
import { RefusalNote } from "./refusal-note.tsx";
import { TemplateFields } from "./template-fields.tsx";
import { trainingBody } from "./training-body.ts";
import { freshDraft, learnsClasses, trainingDoubts, trainingProblem, type Chosen, type TrainingDraft } from "./training-draft.ts";
import { templatesQuery } from "./training-queries.ts";
import { VersionFields } from "./version-fields.tsx";

/** What to learn from, what to start from, how and for how long; starts the run. What is typed stays whatever the server says. */
export function TrainingForm({ firstDataset, firstVersion, firstTeacher, firstRounding }: { firstDataset: DatasetVersionView | null; firstVersion: VersionView | null; firstTeacher: VersionView | null; firstRounding: TrainingDraft["rounding"] }) {
  const router = useRouter();
  const client = useQueryClient();
  const missingRole = useMissingRole("operator");
  const [params, setParams] = useQueryStates(newTrainingParams);
  const [dataset, setDataset] = useState(firstDataset);
  const [version, setVersion] = useState(firstVersion);
  const [teacher, setTeacher] = useState(firstTeacher);
  const [draft, setDraft] = useState<TrainingDraft>(() => ({ ...freshDraft(firstVersion === null ? "template" : "version"), rounding: firstRounding, teaches: firstTeacher !== null }));
  const templates = useQuery(templatesQuery(dataset?.id ?? null));
  const template = templates.data?.items.find(({ id }) => id === params.template) ?? null;
  const chosen: Chosen = { dataset, template, preset: template?.presets.find(({ id }) => id === params.preset)?.id ?? null, version, teacher };
  const change = (part: Partial<TrainingDraft>): void => setDraft((before) => ({ ...before, ...part }));
  const start = useMutation({
    mutationFn: (body: Record<string, unknown>) => apiSend<TrainingView>("POST", "/trainings", body),
    onSuccess: (training) => {
      void client.invalidateQueries({ queryKey: ["training", "list"] });
      router.push(`/trainings/${training.id}` as Route);
    },
  });
  const named = { ...draft, modelName: draft.modelName === "" && draft.start === "template" ? suggestedName(chosen) : draft.modelName };
  const problem = trainingProblem(named, chosen);
  return (
    <form className="grid max-w-4xl gap-4" onSubmit={(event) => { event.preventDefault(); if (problem === null && !start.isPending && !start.isSuccess) start.mutate(trainingBody(named, chosen)); }}>
      <Card title="Examples" subtitle="what it learns from">
        <DatasetVersionPicker value={dataset} none="Choose…" uses={toTrain} onChange={(next) => { setDataset(next); void setParams({ dataset: next?.id ?? null }); }} />
      </Card>
      <Card title="Start from" actions={<StartChoice value={draft.start} onChange={(next) => setDraft({ ...freshDraft(next), modelName: draft.modelName, teaches: draft.teaches, temperature: draft.temperature, labelShare: draft.labelShare })} />}>
        {draft.start === "outside" ? <OutsideFields draft={draft} onChange={change} /> : draft.start === "template"
          ? dataset === null ? <p className="text-muted">Choose the examples first: what suits them depends on what they are.</p> : <TemplateFields templates={templates} value={params} onChange={(choice) => void setParams(choice)} />
          : <VersionFields version={version} draft={draft} onChange={change} onVersion={(next) => { setVersion(next); change({ freezeUpTo: "" }); void setParams({ version: next?.id ?? null }); }} />}
      </Card>
      {draft.start !== "outside" && <>
      <Card title="How"><MainFields draft={draft} onChange={change} /></Card>
      <Card title="Changes to the examples" subtitle="so that it learns what matters, and not the examples by heart"><AugmentationFields draft={draft} kind={dataset?.summary?.kind ?? null} onChange={change} /></Card>
      <Card title={draft.start === "version" ? "Winning accuracy back" : "A teacher"} subtitle={draft.start === "version" ? "that a smaller form costs" : "that knows it already"}>
        <RecoveryFields draft={draft} teacher={teacher} onChange={change} onTeacher={(next) => { setTeacher(next); void setParams({ teacher: next?.id ?? null }); }} />
      </Card>
      <AdvancedFields draft={draft} isOfClasses={learnsClasses(draft, chosen)} onChange={change} />
      </>}
      <Card title="What it becomes">
        <div className="max-w-md">
          <Field label="Name of the model" optional={draft.start === "version"} hint={draft.start === "version" ? "Empty: the next version of the model it starts from." : "Its first version is made when the training ends."}>
            <Input value={draft.modelName} maxLength={100} placeholder={draft.start === "version" ? (version?.modelName ?? "") : suggestedName(chosen)} onChange={(event) => change({ modelName: event.target.value })} />
          </Field>
        </div>
      </Card>
      {trainingDoubts(draft, chosen).map((doubt) => <Notice key={doubt} tone="warn">{doubt}</Notice>)}
      {start.isError && <RefusalNote error={start.error} />}
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" kind="primary" size="lg" busy={start.isPending || start.isSuccess} disabled={problem !== null || missingRole !== undefined} title={missingRole}>Start training</Button>
        <span role="status" className="min-w-0 flex-1 text-pretty text-muted">{problem ?? "It can be stopped at any time; the best weights so far are kept."}</span>
      </div>
    </form>
  );
}

function toTrain({ train, validation, test }: Record<Split, number>): string {
  return `${formatCount(train)} to learn from, ${formatCount(validation)} to choose by, ${formatCount(test)} to test`;
}

function suggestedName({ dataset, template, preset }: Chosen): string {
  return dataset === null || template === null ? "" : [dataset.datasetName, template.id, preset].filter((part) => part !== null).join("-").slice(0, 100);
}

function StartChoice({ value, onChange }: { value: TrainingDraft["start"]; onChange: (value: TrainingDraft["start"]) => void }) {
  return (
    <span role="radiogroup" aria-label="Start from" className="inline-flex rounded-md border p-0.5">
      {([["template", "a template"], ["version", "a model version"], ["outside", "an outside runner"]] as const).map(([name, label]) => (
        <label key={name} className={cn("cursor-pointer rounded px-2 py-0.5 text-xs has-focus-visible:outline-2 has-focus-visible:outline-(--accent-text) max-sm:py-2", value === name ? "bg-accent-soft font-medium text-accent-text" : "text-muted hover:text-ink")}>
          <input type="radio" name="start" className="sr-only" checked={value === name} onChange={() => onChange(name)} />{label}
        </label>
      ))}
    </span>
  );
}
