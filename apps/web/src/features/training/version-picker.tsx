"use client";
import { useQuery } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import { useState } from "react";
import { CutOption } from "../../components/ui/cut-option.tsx";
import { Field, Select } from "../../components/ui/field.tsx";
import { formatCompact, formatNoun } from "../../lib/format.ts";
import { modelChoicesQuery, versionChoicesQuery } from "../models/model-queries.ts";

/** A model, and one of its versions that are ready. Another model means no version. */
export function VersionPicker({ version, labels, onVersion }: { version: VersionView | null; labels: { model: string; version: string }; onVersion: (version: VersionView | null) => void }) {
  const [modelId, setModelId] = useState(version?.modelId ?? "");
  const models = useQuery(modelChoicesQuery());
  const versions = useQuery(versionChoicesQuery(modelId === "" ? null : modelId));
  const isEmpty = models.data?.items.length === 0;
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <Field label={labels.model} {...(models.isError && { error: "The models could not be loaded." })} {...(isEmpty && { hint: "There is no model yet: upload one, or train one from a template." })}>
        <Select value={modelId} onChange={(event) => { setModelId(event.target.value); onVersion(null); }}>
          <option value="">Choose…</option>
          {version !== null && models.data?.items.every(({ id }) => id !== version.modelId) !== false && <option value={version.modelId}>{version.modelName}</option>}
          {models.data?.items.map((model) => <option key={model.id} value={model.id}>{model.name}, {formatNoun(model.versionCount, "version")}</option>)}
          <CutOption of={models.data} />
        </Select>
      </Field>
      <Field label={labels.version} {...(versions.isError && { error: "Its versions could not be loaded." })} {...(version?.inspection == null ? {} : { hint: `${formatCompact(version.inspection.parameterCount)} parameters` })}>
        <Select disabled={modelId === ""} value={version?.id ?? ""} onChange={(event) => onVersion(versions.data?.items.find(({ id }) => id === event.target.value) ?? null)}>
          <option value="">Choose…</option>
          {version !== null && versions.data?.items.every(({ id }) => id !== version.id) !== false && <option value={version.id}>v{version.number}</option>}
          {versions.data?.items.map((row) => <option key={row.id} value={row.id} disabled={row.state !== "ready"}>v{row.number}{row.variantLabel === null ? "" : `, ${row.variantLabel}`}{row.state === "ready" ? "" : `, ${row.state}`}</option>)}
          <CutOption of={versions.data} />
        </Select>
      </Field>
    </div>
  );
}
