"use client";
import { useQuery } from "@tanstack/react-query";
import type { DatasetVersionView, Split } from "@flotilla/fleet";
import type { Route } from "next";
import Link from "next/link";
import { useState } from "react";
import { CutOption } from "../../components/ui/cut-option.tsx";
import { Field, Select } from "../../components/ui/field.tsx";
import { formatCount } from "../../lib/format.ts";
import { datasetChoicesQuery, datasetVersionChoicesQuery } from "./dataset-queries.ts";

/** Chooses a ready version of a dataset. Both may be left out when `none` says what that means; `uses` are the splits that count here. */
export function DatasetVersionPicker({ value, none, uses = toOptimize, onChange }: { value: DatasetVersionView | null; none: string; uses?: (counts: Record<Split, number>) => string; onChange: (version: DatasetVersionView | null) => void }) {
  const datasets = useQuery(datasetChoicesQuery());
  const [datasetId, setDatasetId] = useState(value?.datasetId ?? "");
  const versions = useQuery(datasetVersionChoicesQuery(datasetId));
  const rows = versions.data?.items ?? [];
  const usable = datasets.data?.items.filter(({ newest }) => newest !== null) ?? [];
  if (datasets.data !== undefined && usable.length === 0) return <p className="text-muted">There is no dataset yet. <Link className="text-ink underline" href={"/datasets/new" as Route}>Upload one</Link>.</p>;
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <Field label="Dataset">
        <Select value={datasetId} onChange={(event) => { setDatasetId(event.target.value); onChange(null); }}>
          <option value="">{none}</option>
          {value !== null && usable.every(({ id }) => id !== value.datasetId) && <option value={value.datasetId}>{value.datasetName}</option>}
          {usable.map((dataset) => <option key={dataset.id} value={dataset.id}>{dataset.name}</option>)}
          <CutOption of={datasets.data} />
        </Select>
      </Field>
      <Field label="Version of the dataset" {...(value?.summary == null ? {} : { hint: uses(value.summary.counts) })}>
        <Select disabled={datasetId === ""} value={value?.id ?? ""} onChange={(event) => onChange(rows.find((row) => row.id === event.target.value) ?? null)}>
          <option value="">Choose…</option>
          {value !== null && rows.every(({ id }) => id !== value.id) && <option value={value.id}>v{value.number}</option>}
          {rows.map((row) => <option key={row.id} value={row.id} disabled={row.state !== "ready"}>v{row.number}{row.state === "ready" ? "" : `, ${row.state}`}</option>)}
          <CutOption of={versions.data} />
        </Select>
      </Field>
    </div>
  );
}

function toOptimize({ calibration, test }: Record<Split, number>): string {
  return `${formatCount(calibration)} to calibrate, ${formatCount(test)} to test`;
}
