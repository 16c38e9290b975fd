"use client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Preprocessing, PreprocessingView, VersionView } from "@flotilla/fleet";
import { useState } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { Field, Select } from "../../components/ui/field.tsx";
import { ErrorNote, Notice } from "../../components/ui/notice.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { preprocessingQuery } from "./optimizing-queries.ts";
import { draftOf, preprocessingOf, type PreprocessingDraft } from "./preprocessing-draft.ts";
import { AudioFields, EndFields, ImageFields, NormalFields } from "./preprocessing-fields.tsx";

/** How an example of a dataset becomes the model's input. Without it nothing can be evaluated. */
export function PreprocessingTab({ version }: { version: VersionView }) {
  const query = useQuery(preprocessingQuery(version.id));
  return (
    <QueryView query={query} what="The preprocessing could not be loaded" loading={<Skeleton className="h-64 w-full" />}>
      {/* A change that somebody else saves replaces the form. */}
      {(view) => <PreprocessingForm key={JSON.stringify(view.preprocessing)} version={version} view={view} />}
    </QueryView>
  );
}

function PreprocessingForm({ version, view }: { version: VersionView; view: PreprocessingView }) {
  const client = useQueryClient();
  const missingRole = useMissingRole("operator");
  const [draft, setDraft] = useState(() => draftOf(view.preprocessing ?? view.suggested));
  const change = (part: Partial<PreprocessingDraft>): void => setDraft((before) => ({ ...before, ...part }));
  const { value, problem } = preprocessingOf(draft);
  const save = useMutation({
    mutationFn: (wanted: Preprocessing) => apiSend<PreprocessingView>("PUT", `/versions/${version.id}/preprocessing`, wanted),
    onSuccess: (fresh) => {
      client.setQueryData(preprocessingQuery(version.id).queryKey, fresh);
      void client.invalidateQueries({ queryKey: ["version", version.id] });
    },
  });
  return (
    <Card title="Preprocessing" subtitle="from an example of a dataset to the model's input">
      <form className="grid max-w-3xl gap-5" onSubmit={(event) => { event.preventDefault(); if (value !== null) save.mutate(value); }}>
        <StateNotice view={view} />
        <Field label="Examples are" className="max-w-xs">
          <Select value={draft.kind} onChange={(event) => change({ kind: event.target.value as PreprocessingDraft["kind"] })}><option value="image">images</option><option value="values">rows or arrays of numbers</option><option value="audio">sounds</option></Select>
        </Field>
        {draft.kind === "image" && <ImageFields draft={draft} onChange={change} />}
        {draft.kind === "audio" && <AudioFields draft={draft} onChange={change} />}
        <NormalFields draft={draft} onChange={change} />
        <EndFields draft={draft} onChange={change} inspection={version.inspection} />
        {save.isError && <ErrorNote>{messageOf(save.error)}</ErrorNote>}
        <div className="flex flex-wrap items-center gap-3">
          <Button type="submit" kind="primary" busy={save.isPending} disabled={problem !== null || missingRole !== undefined} title={missingRole}>Save preprocessing</Button>
          <span role="status" className="text-muted">{problem ?? (save.isSuccess ? "Saved." : "")}</span>
        </div>
      </form>
    </Card>
  );
}

function StateNotice({ view }: { view: PreprocessingView }) {
  if (view.preprocessing !== null) return <p className="text-xs text-pretty text-muted">Variants made from now on inherit it. Numbers that were measured before keep theirs.</p>;
  if (view.suggested === null) return <Notice tone="warn" title="Nobody has said it yet">The shape of the inputs gives no hint. It must say what the training did, or accuracy means nothing.</Notice>;
  return <Notice tone="warn" title="A guess from the shape of the input, not saved yet">Check scale, mean and standard deviation against what the training did: a wrong one makes any model look bad.</Notice>;
}
