"use client";
import { useState } from "react";
import Link from "next/link";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useMutation, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { parseAsArrayOf, parseAsString, useQueryState } from "nuqs";
import { Plus, Trash2 } from "lucide-react";
import type { BuildView } from "@flotilla/fleet";
import { Button, IconButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { CutOption } from "../../components/ui/cut-option.tsx";
import { Checkbox, Field, Input, Select } from "../../components/ui/field.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { formatBytes, formatMs } from "../../lib/format.ts";
import { deviceSummaryQuery } from "../devices/device-queries.ts";
import { modelChoicesQuery, versionChoicesQuery, versionQuery } from "../models/model-queries.ts";
import { buildNameFor } from "./build-name.ts";

type Variant = { modelId: string | null; versionId: string | null; classes: string[] };

const VARIANTS_MAX = 16;
const PROVIDERS = ["cpu", "cuda", "coreml", "dml", "qnn", "xnnpack"] as const;

/** Picks ready model versions, says which device classes take which, and how they run. The address may name versions to begin with. */
export function NewBuildPage() {
  const [version] = useQueryState("version", parseAsString);
  const [versions] = useQueryState("versions", parseAsArrayOf(parseAsString).withDefault([]));
  const wanted = [...new Set(version === null ? versions : [version, ...versions])].slice(0, VARIANTS_MAX);
  const starts = useQueries({ queries: wanted.map((id) => versionQuery(id)) });
  const failed = starts.filter((start) => start.isLoadingError);
  if (failed[0] !== undefined) return <ErrorState error={failed[0].error} what="A version that the address names could not be loaded" onRetry={() => { for (const start of failed) void start.refetch(); }} />;
  if (starts.some((start) => start.isPending)) return <Skeleton className="h-96 w-full max-w-3xl" />;
  const found = starts.flatMap(({ data }) => (data === undefined ? [] : [{ modelId: data.modelId, versionId: data.id, classes: [] }]));
  return <BuildForm first={found.length === 0 ? [{ modelId: null, versionId: null, classes: [] }] : found} />;
}

function BuildForm({ first }: { first: Variant[] }) {
  const [variants, setVariants] = useState<Variant[]>(first);
  const [name, setName] = useState<string | null>(null);
  const [threads, setThreads] = useState(1);
  const [providers, setProviders] = useState<string[]>(["cpu"]);
  const [openedAt] = useState(() => new Date());
  const router = useRouter();
  const client = useQueryClient();
  const chosen = variants.filter((variant) => variant.versionId !== null);
  const lead = useQuery({ ...versionQuery(chosen[0]?.versionId ?? ""), enabled: chosen.length > 0 });
  const suggestion = lead.data === undefined ? "" : buildNameFor({ modelName: lead.data.modelName, number: lead.data.number, at: openedAt });
  const create = useMutation({
    mutationFn: () => {
      const body = { name: name ?? suggestion, variants: chosen.map(({ versionId, classes }) => ({ versionId, classes })), settings: { intraOpThreads: threads, executionProviders: providers } };
      return apiSend<BuildView>("POST", "/builds", body);
    },
    onSuccess: (build) => {
      void client.invalidateQueries({ queryKey: ["build"] });
      router.push(`/builds/${build.id}` as Route);
    },
  });
  const set = (row: number, change: Partial<Variant>) => setVariants(variants.map((variant, i) => (i === row ? { ...variant, ...change } : variant)));
  const missing = chosen.length === 0 ? "Choose a model version." : chosen.length < variants.length ? "Choose a version in every row, or remove the row." : providers.length === 0 ? "Choose an execution provider." : null;
  return (
    <form className="grid max-w-3xl gap-4" onSubmit={(event) => { event.preventDefault(); if (missing === null && !create.isPending && !create.isSuccess) create.mutate(); }}>
      <Card title="Model versions" subtitle="in order of preference: a device takes the first that fits">
        <div className="grid gap-4">
          {variants.map((variant, row) => (
            // Rows have no identity but their place.
            <VariantRow key={row} row={row} variant={variant} onChange={(change) => set(row, change)} {...(variants.length > 1 ? { onRemove: () => setVariants(variants.filter((_, i) => i !== row)) } : {})} />
          ))}
          <div><Button size="sm" disabled={variants.length >= VARIANTS_MAX} onClick={() => setVariants([...variants, { modelId: variants.at(-1)?.modelId ?? null, versionId: null, classes: [] }])}><Plus size={14} aria-hidden />Add a variant</Button></div>
        </div>
      </Card>
      <Card title="Runtime settings">
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Threads inside one operator" hint="1 is right for devices that do other work too."><Input type="number" min={1} max={64} value={threads} onChange={(event) => setThreads(Math.max(1, Math.min(64, Number(event.target.value) || 1)))} /></Field>
          <fieldset><legend className="mb-1 text-xs font-medium">Execution providers</legend><div className="grid grid-cols-3 gap-x-2">{PROVIDERS.map((provider) => <Checkbox key={provider} label={provider} checked={providers.includes(provider)} onChange={(event) => setProviders(event.target.checked ? [...providers, provider] : providers.filter((other) => other !== provider))} />)}</div></fieldset>
        </div>
      </Card>
      <Card title="Name">
        <Field label="Build name" hint="Unique. People choose builds by it."><Input value={name ?? suggestion} onChange={(event) => setName(event.target.value)} maxLength={100} required autoComplete="off" /></Field>
      </Card>
      {create.isError && <ErrorNote>{messageOf(create.error)}</ErrorNote>}
      <div className="flex flex-wrap items-center gap-3"><Button kind="primary" size="lg" type="submit" busy={create.isPending} disabled={missing !== null || (name ?? suggestion).trim() === ""}>Make build</Button>{missing !== null && <span className="text-muted">{missing}</span>}</div>
    </form>
  );
}

function VariantRow({ row, variant, onChange, onRemove }: { row: number; variant: Variant; onChange: (change: Partial<Variant>) => void; onRemove?: () => void }) {
  const models = useQuery(modelChoicesQuery());
  const versions = useQuery(versionChoicesQuery(variant.modelId));
  const summary = useQuery(deviceSummaryQuery(""));
  const version = versions.data?.items.find((candidate) => candidate.id === variant.versionId);
  const classes = summary.data?.byClass.map((entry) => entry.className) ?? [];
  if (models.data?.items.length === 0) return <p className="text-muted">There is no model yet. <Link className="text-ink underline" href={"/models" as Route}>Upload one</Link> first.</p>;
  return (
    <div className="grid gap-3 border-b pb-4 last:border-b-0 sm:grid-cols-[1fr_1fr_auto] sm:items-start">
      <Field label="Model"><Select aria-label={`Model of variant ${row + 1}`} value={variant.modelId ?? ""} onChange={(event) => onChange({ modelId: event.target.value || null, versionId: null })}><option value="">Choose…</option>{models.data?.items.map((model) => <option key={model.id} value={model.id}>{model.name}</option>)}<CutOption of={models.data} /></Select></Field>
      <Field label="Version" {...(version?.inspection == null ? {} : { hint: `${formatBytes(version.sizeBytes)}, ${formatMs(version.inspection.latencyMs.p50)} median on ${version.inspection.measuredOn.cpu}` })}>
        <Select aria-label={`Version of variant ${row + 1}`} disabled={variant.modelId === null} value={variant.versionId ?? ""} onChange={(event) => onChange({ versionId: event.target.value || null })}>
          <option value="">Choose…</option>
          {versions.data?.items.map((candidate) => <option key={candidate.id} value={candidate.id} disabled={candidate.state !== "ready"}>v{candidate.number}{candidate.aliases.length > 0 ? ` (${candidate.aliases.join(", ")})` : ""}{candidate.state === "ready" ? "" : `, ${candidate.state}`}</option>)}
          <CutOption of={versions.data} />
        </Select>
      </Field>
      {onRemove !== undefined && <IconButton className="sm:mt-5" label={`Remove variant ${row + 1}`} onClick={onRemove}><Trash2 size={14} aria-hidden /></IconButton>}
      <fieldset className="sm:col-span-3">
        <legend className="mb-1 text-xs font-medium">Device classes <span className="font-normal text-muted">that take it; none ticked means any that fits</span></legend>
        {classes.length === 0 ? <p className="text-xs text-muted">No device is enrolled yet, so any class takes it.</p> : <div className="flex flex-wrap gap-x-5">{classes.map((name) => <Checkbox key={name} label={name} checked={variant.classes.includes(name)} onChange={(event) => onChange({ classes: event.target.checked ? [...variant.classes, name] : variant.classes.filter((other) => other !== name) })} />)}</div>}
      </fieldset>
    </div>
  );
}
