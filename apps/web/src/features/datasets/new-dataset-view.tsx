"use client";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { CutOption } from "../../components/ui/cut-option.tsx";
import { Field, Input, Select } from "../../components/ui/field.tsx";
import { ErrorNote, Notice } from "../../components/ui/notice.tsx";
import { uploads } from "../upload/browser-uploads.ts";
import { DropZone } from "../upload/drop-zone.tsx";
import { UploadRow } from "../upload/upload-row.tsx";
import { useUploads } from "../upload/use-uploads.ts";
import { datasetFilesProblem, datasetNameFor } from "./dataset-files.ts";
import { emptyOptions, optionsProblem } from "./dataset-options.ts";
import { datasetChoicesQuery } from "./dataset-queries.ts";
import { OptionsFields } from "./options-fields.tsx";
import { NEW_DATASET, useDatasetCreation, type DatasetTarget } from "./use-dataset-creation.ts";

/** Files in, a dataset version out. Sending begins with the drop; the version is made as soon as everything has arrived. */
export function NewDatasetView({ datasetId }: { datasetId: string | null }) {
  const items = useUploads("dataset");
  const missingRole = useMissingRole("operator");
  const [target, setTarget] = useState<DatasetTarget>({ datasetId: datasetId ?? NEW_DATASET, name: null, options: emptyOptions });
  const change = (part: Partial<DatasetTarget>): void => setTarget((before) => ({ ...before, ...part }));
  const name = target.name ?? datasetNameFor(items);
  const creation = useDatasetCreation(items);
  const add = (files: readonly File[]): void => uploads("dataset").add(files);
  const problem = datasetFilesProblem(items) ?? optionsProblem(target.options);
  if (items.length === 0) return <DropZone purpose="dataset" onFiles={add} disabledReason={missingRole} />;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-[minmax(0,1fr)_380px]">
      <div className="space-y-3">
        <Card title="Files" flush><ul>{items.map((item) => <UploadRow key={item.key} item={item} purpose="dataset" onRemove={() => uploads("dataset").remove(item.key)} />)}</ul></Card>
        <DropZone compact purpose="dataset" onFiles={add} disabledReason={missingRole} />
      </div>
      <Card title="Dataset">
        <form className="space-y-4" onSubmit={(event) => { event.preventDefault(); creation.want({ ...target, name }); }}>
          <TargetFields target={target} name={name} onChange={change} />
          <OptionsFields draft={target.options} onChange={(part) => change({ options: { ...target.options, ...part } })} />
          {problem !== null && <Notice tone="warn">{problem}</Notice>}
          {creation.error !== null && <ErrorNote>{creation.error}</ErrorNote>}
          <Button type="submit" kind="primary" className="w-full" busy={creation.busy} disabled={problem !== null || missingRole !== undefined || (target.datasetId === NEW_DATASET && name.trim() === "")}>
            {creation.wanted ? "Waiting for the files…" : "Create version"}
          </Button>
          <p role="status" className="text-xs text-pretty text-muted">
            {creation.wanted ? "It is made as soon as all files have arrived. You may look at other pages; do not close this tab." : "After that a worker reads every example, deals them to splits and counts them. Archives that are dangerous to open are refused."}
          </p>
        </form>
      </Card>
    </div>
  );
}

function TargetFields({ target, name, onChange }: { target: DatasetTarget; name: string; onChange: (part: Partial<DatasetTarget>) => void }) {
  const datasets = useQuery(datasetChoicesQuery()).data;
  const choices = datasets?.items ?? [];
  return (
    <>
      <Field label="Dataset">
        <Select value={target.datasetId} onChange={(event) => onChange({ datasetId: event.target.value })}>
          <option value={NEW_DATASET}>A new dataset</option>
          {target.datasetId !== NEW_DATASET && !choices.some(({ id }) => id === target.datasetId) && <option value={target.datasetId}>…</option>}
          {choices.map((dataset) => <option key={dataset.id} value={dataset.id}>{dataset.name}, next is v{(dataset.newest?.number ?? 0) + 1}</option>)}
          <CutOption of={datasets} />
        </Select>
      </Field>
      {target.datasetId === NEW_DATASET && <Field label="Name of the dataset" hint="What the examples show: flowers-at-noon"><Input value={name} maxLength={100} onChange={(event) => onChange({ name: event.target.value })} /></Field>}
    </>
  );
}
