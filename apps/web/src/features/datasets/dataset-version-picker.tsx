"use client";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { DatasetVersionView } from "@flotilla/fleet";
import type { Route } from "next";
import Link from "next/link";
import { useState } from "react";
import { Field, Select } from "../../components/ui/field.tsx";
import { formatCount } from "../../lib/format.ts";
import { datasetChoicesQuery, datasetVersionListQuery } from "./dataset-queries.ts";

/** Chooses a ready version of a dataset. Both may be left out when `none` says what that means. */
export function DatasetVersionPicker({ value, none, onChange }: { value: DatasetVersionView | null; none: string; onChange: (version: DatasetVersionView | null) => void }) {
  const datasets = useQuery(datasetChoicesQuery());
  const [datasetId, setDatasetId] = useState(value?.datasetId ?? "");
  const versions = useInfiniteQuery({ ...datasetVersionListQuery(datasetId), enabled: datasetId !== "" });
  const rows = versions.data?.pages.flatMap((page) => page.items) ?? [];
  const usable = datasets.data?.items.filter(({ newest }) => newest !== null) ?? [];
  if (datasets.data !== undefined && usable.length === 0) return <p className="text-muted">There is no dataset yet. <Link className="text-ink underline" href={"/datasets/new" as Route}>Upload one</Link>.</p>;
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <Field label="Dataset">
        <Select value={datasetId} onChange={(event) => { setDatasetId(event.target.value); onChange(null); }}>
          <option value="">{none}</option>
          {usable.map((dataset) => <option key={dataset.id} value={dataset.id}>{dataset.name}</option>)}
        </Select>
      </Field>
      <Field label="Version of the dataset" {...(value?.summary == null ? {} : { hint: `${formatCount(value.summary.counts.calibration)} to calibrate, ${formatCount(value.summary.counts.test)} to test` })}>
        <Select disabled={datasetId === ""} value={value?.id ?? ""} onChange={(event) => onChange(rows.find((row) => row.id === event.target.value) ?? null)}>
          <option value="">Choose…</option>
          {rows.map((row) => <option key={row.id} value={row.id} disabled={row.state !== "ready"}>v{row.number}{row.state === "ready" ? "" : `, ${row.state}`}</option>)}
        </Select>
      </Field>
    </div>
  );
}
