"use client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ModelView, VersionView } from "@flotilla/fleet";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { CutOption } from "../../components/ui/cut-option.tsx";
import { Field, Input, Select, Textarea } from "../../components/ui/field.tsx";
import { ErrorNote, Notice } from "../../components/ui/notice.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { modelChoicesQuery } from "../models/model-queries.ts";
import { uploads } from "./browser-uploads.ts";
import { DropZone } from "./drop-zone.tsx";
import { modelNameFor, setProblem } from "./file-set.ts";
import type { UploadItem } from "./upload-item.ts";
import { UploadRow } from "./upload-row.tsx";
import { useUploads } from "./use-uploads.ts";

/** Where a version is to go. `name` null: nobody has typed one, so it is that of the file. */
type Target = { modelId: string; name: string | null; notes: string };
const NEW = "";

/** Files in, a version out. Sending begins with the drop; the version is made as soon as everything has arrived. */
export function NewVersionView({ modelId }: { modelId: string | null }) {
  const items = useUploads();
  const missingRole = useMissingRole("operator");
  const [target, setTarget] = useState<Target>({ modelId: modelId ?? NEW, name: null, notes: "" });
  const creation = useCreation(items, target);
  const suggested = modelNameFor(items);
  const name = target.name ?? suggested;
  const problem = setProblem(items);
  const change = (part: Partial<Target>): void => setTarget((before) => ({ ...before, ...part }));
  if (items.length === 0) return <DropZone onFiles={(files) => uploads().add(files)} disabledReason={missingRole} />;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-[minmax(0,1fr)_340px]">
      <div className="space-y-3">
        <Card title="Files" flush>
          <ul>{items.map((item) => <UploadRow key={item.key} item={item} onRemove={() => uploads().remove(item.key)} />)}</ul>
        </Card>
        <DropZone compact onFiles={(files) => uploads().add(files)} disabledReason={missingRole} />
      </div>
      <Card title="Version">
        <form
          className="space-y-4"
          onSubmit={(event) => {
            event.preventDefault();
            creation.want({ ...target, name });
          }}
        >
          <TargetFields target={target} suggested={suggested} onChange={change} />
          {problem !== null && <Notice tone="warn">{problem}</Notice>}
          {creation.error !== null && <ErrorNote>{creation.error}</ErrorNote>}
          <Button type="submit" kind="primary" className="w-full" busy={creation.busy} disabled={problem !== null || missingRole !== undefined || (target.modelId === NEW && name.trim() === "")}>
            {creation.wanted ? "Waiting for the files…" : "Create version"}
          </Button>
          <p role="status" className="text-xs text-pretty text-muted">
            {creation.wanted ? "It is made as soon as all files have arrived. You may look at other pages; do not close this tab." : "After that a worker opens the model in a sandbox, runs it once and measures it. You see the result on its page."}
          </p>
        </form>
      </Card>
    </div>
  );
}

function TargetFields({ target, suggested, onChange }: { target: Target; suggested: string; onChange: (part: Partial<Target>) => void }) {
  const models = useQuery(modelChoicesQuery());
  const choices = models.data?.items ?? [];
  return (
    <>
      <Field label="Model">
        <Select value={target.modelId} onChange={(event) => onChange({ modelId: event.target.value })}>
          <option value={NEW}>A new model</option>
          {target.modelId !== NEW && !choices.some((model) => model.id === target.modelId) && <option value={target.modelId}>…</option>}
          {choices.map((model) => <option key={model.id} value={model.id}>{model.name}, next is v{(model.newest?.number ?? 0) + 1}</option>)}
          <CutOption of={models.data} />
        </Select>
      </Field>
      {target.modelId === NEW && (
        <Field label="Name of the model" hint="What it does, not which version it is: digit-reader">
          <Input value={target.name ?? suggested} maxLength={100} onChange={(event) => onChange({ name: event.target.value })} />
        </Field>
      )}
      <Field label="Notes" optional><Textarea value={target.notes} maxLength={10_000} rows={3} placeholder="Where it comes from, what changed" onChange={(event) => onChange({ notes: event.target.value })} /></Field>
    </>
  );
}

type Creation = { wanted: boolean; busy: boolean; error: string | null; want: (target: Target) => void };

/** Makes the version once: when it is wanted and every file has arrived. */
function useCreation(items: readonly UploadItem[], target: Target): Creation {
  const router = useRouter();
  const client = useQueryClient();
  const [wanted, setWanted] = useState<Target | null>(null);
  const mutation = useMutation({
    mutationFn: async (to: Target) => {
      const uploadIds = items.flatMap((item) => item.uploadId ?? []);
      const model = to.modelId === NEW ? await modelNamed((to.name ?? "").trim()) : { id: to.modelId };
      return apiSend<VersionView>("POST", `/models/${model.id}/versions`, { uploadIds, ...(to.notes.trim() !== "" && { notes: to.notes }) });
    },
    onSuccess: async (version) => {
      for (const item of items) uploads().remove(item.key);
      await client.invalidateQueries({ queryKey: ["model"] });
      router.push(`/models/${version.modelId}/v/${version.number}` as Route);
    },
    onError: () => setWanted(null),
  });
  const allHere = items.length > 0 && items.every((item) => item.phase === "done");
  const { mutate, isPending, isSuccess } = mutation;
  useEffect(() => {
    if (wanted === null || !allHere || isPending || isSuccess) return;
    mutate(wanted);
  }, [wanted, allHere, isPending, isSuccess, mutate]);
  const failed = items.find((item) => item.phase === "failed");
  return {
    wanted: wanted !== null && !allHere && failed === undefined,
    busy: isPending || isSuccess,
    error: mutation.error === null ? null : messageOf(mutation.error),
    want: (to) => {
      mutation.reset();
      setWanted({ ...target, ...to });
    },
  };
}

/** A try that failed after the model was made must not fail for ever because its name is taken. */
async function modelNamed(name: string): Promise<{ id: string }> {
  const found = await findModel(name);
  if (found !== undefined && found.versionCount === 0) return found;
  return apiSend<ModelView>("POST", "/models", { name });
}

async function findModel(name: string): Promise<ModelView | undefined> {
  const answer = await fetch(`/api/v1/models?limit=200&search=${encodeURIComponent(name)}`);
  if (!answer.ok) return undefined;
  const page = (await answer.json()) as { items: ModelView[] };
  return page.items.find((model) => model.name === name);
}
