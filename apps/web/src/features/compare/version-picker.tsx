"use client";
import { useQueries, useQuery } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import { X } from "lucide-react";
import { useState } from "react";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { CutOption } from "../../components/ui/cut-option.tsx";
import { Checkbox, Field, Select } from "../../components/ui/field.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { formatBytes, formatNoun } from "../../lib/format.ts";
import { modelChoicesQuery, versionChoicesQuery, versionQuery } from "../models/model-queries.ts";
import { treeOf } from "../optimizing/variant-tree.ts";

/** Versions that one comparison takes. */
const VERSIONS_MAX = 12;

/** What is compared: each can be left out, and others of a model added, each below what it was made of. Open while there is little to compare. */
export function VersionPicker({ versions, onChange }: { versions: readonly string[]; onChange: (versions: string[]) => void }) {
  const known = useQueries({ queries: versions.map((id) => versionQuery(id)) }).map(({ data }) => data);
  const [chosenModel, setModel] = useState<string | null>(null);
  const [wantsOpen, setWantsOpen] = useState<boolean | null>(null);
  const isOpen = wantsOpen ?? versions.length < 2;
  const modelId = chosenModel ?? known.find((version) => version !== undefined)?.modelId ?? null;
  return (
    <Card title="Versions" subtitle={`${versions.length} of at most ${VERSIONS_MAX}`} actions={<Button size="sm" aria-expanded={isOpen} onClick={() => setWantsOpen(!isOpen)}>{isOpen ? "Done" : "Add or remove…"}</Button>}>
      {versions.length > 0 && (
        <ul aria-label="Compared" className="flex flex-wrap gap-1.5">
          {versions.map((id, place) => {
            const name = known[place] === undefined ? id : nameOf(known[place]);
            return <li key={id} className="max-w-full"><Button size="sm" className="max-w-full" aria-label={`Leave ${name} out`} onClick={() => onChange(versions.filter((other) => other !== id))}><span className="truncate">{name}</span><X size={12} aria-hidden /></Button></li>;
          })}
        </ul>
      )}
      {versions.length === 1 && <p className="mt-2 text-xs text-muted">One version alone has nothing beside it. Add another.</p>}
      {isOpen && <Choices modelId={modelId} versions={versions} onModel={setModel} onChange={(chosen) => { setWantsOpen(true); onChange(chosen); }} />}
    </Card>
  );
}

function Choices({ modelId, versions, onModel, onChange }: { modelId: string | null; versions: readonly string[]; onModel: (id: string | null) => void; onChange: (versions: string[]) => void }) {
  const models = useQuery(modelChoicesQuery());
  const query = useQuery(versionChoicesQuery(modelId));
  const rows = treeOf(query.data?.items.filter(({ state }) => state === "ready") ?? []);
  const isFull = versions.length >= VERSIONS_MAX;
  return (
    <div className="mt-3 grid gap-3 border-t pt-3">
      <Field label="Model" className="max-w-sm"><Select value={modelId ?? ""} onChange={(event) => onModel(event.target.value || null)}><option value="">Choose…</option>{models.data?.items.map((model) => <option key={model.id} value={model.id}>{model.name}, {formatNoun(model.versionCount, "version")}</option>)}<CutOption of={models.data} /></Select></Field>
      {models.data?.items.length === 0 && <p className="text-muted">There is no model yet.</p>}
      {modelId !== null && query.isPending && <Skeleton className="h-16 w-full" />}
      {modelId !== null && query.isError && <p role="alert" className="text-bad">Its versions could not be loaded.</p>}
      {query.data !== undefined && rows.length === 0 && <p className="text-muted">No version of it is ready.</p>}
      {rows.length > 0 && (
        <ul aria-label="Versions of the model" className="max-h-64 overflow-y-auto">
          {rows.map(({ node, depth }) => (
            <li key={node.id} style={{ paddingLeft: depth * 18 }}>
              <Checkbox
                label={`v${node.number}${node.variantLabel === null ? "" : ` ${node.variantLabel}`}`} hint={`${formatBytes(node.sizeBytes)}${node.offered ? "" : ", not offered for builds"}`}
                checked={versions.includes(node.id)} disabled={isFull && !versions.includes(node.id)}
                onChange={(event) => onChange(event.target.checked ? [...versions, node.id] : versions.filter((id) => id !== node.id))}
              />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function nameOf(version: VersionView): string {
  return `${version.modelName} v${version.number}${version.variantLabel === null ? "" : `, ${version.variantLabel}`}`;
}
