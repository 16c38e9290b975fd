"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ModelView, VersionView } from "@flotilla/fleet";
import { Trash2 } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { useState } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Badge } from "../../components/ui/badge.tsx";
import { Button, IconButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { ConfirmDialog } from "../../components/ui/confirm-dialog.tsx";
import { Field, Input, Select } from "../../components/ui/field.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { modelQuery } from "./model-queries.ts";

/** Names that point at versions: "production". */
export function AliasCard({ model, versions }: { model: ModelView; versions: readonly VersionView[] }) {
  const client = useQueryClient();
  const missingRole = useMissingRole("operator");
  const [removing, setRemoving] = useState<string | null>(null);
  const took = (fresh: ModelView): void => {
    client.setQueryData(modelQuery(model.id).queryKey, fresh);
    void client.invalidateQueries({ queryKey: ["version"] });
  };
  return (
    <Card title="Aliases" subtitle="Names that move from version to version" flush>
      {model.aliases.length === 0 && <p className="px-4 pt-3 text-muted">None yet. Name the version that is meant for production, say.</p>}
      <ul>
        {model.aliases.map(({ alias, number }) => (
          <li key={alias} className="flex h-9 items-center gap-2 border-b px-4">
            <Badge tone="accent">{alias}</Badge>
            <Link href={`/models/${model.id}/v/${number}` as Route} className="hover:underline">v{number}</Link>
            <span className="ml-auto"><IconButton label={`Remove alias ${alias}`} size="icon-sm" disabled={missingRole !== undefined} onClick={() => setRemoving(alias)}><Trash2 size={13} aria-hidden /></IconButton></span>
          </li>
        ))}
      </ul>
      <AliasForm model={model} ready={versions.filter((version) => version.state === "ready")} missingRole={missingRole} onSet={took} />
      <ConfirmDialog
        open={removing !== null} onOpenChange={() => setRemoving(null)} title={`Remove the alias ${removing ?? ""}?`} action="Remove alias"
        onConfirm={async () => took(await apiSend<ModelView>("DELETE", `/models/${model.id}/aliases/${removing ?? ""}`))}
      >
        Builds and devices are not touched: they name versions, not aliases.
      </ConfirmDialog>
    </Card>
  );
}

function AliasForm({ model, ready, missingRole, onSet }: { model: ModelView; ready: readonly VersionView[]; missingRole: string | undefined; onSet: (fresh: ModelView) => void }) {
  const [alias, setAlias] = useState("");
  const [versionId, setVersionId] = useState("");
  const chosen = versionId === "" ? (ready[0]?.id ?? "") : versionId;
  const set = useMutation({
    mutationFn: () => apiSend<ModelView>("PUT", `/models/${model.id}/aliases/${encodeURIComponent(alias.trim())}`, { versionId: chosen }),
    onSuccess: (fresh) => {
      setAlias("");
      onSet(fresh);
    },
  });
  if (ready.length === 0) return <p className="px-4 pt-1 pb-3 text-xs text-muted">An alias needs a version that is ready.</p>;
  return (
    <form
      className="grid grid-cols-[minmax(0,1fr)_88px] items-end gap-2 p-4"
      onSubmit={(event) => {
        event.preventDefault();
        set.mutate();
      }}
    >
      <Field label="Alias"><Input value={alias} maxLength={63} placeholder="production" pattern="[a-z][a-z0-9._\-]*" title="Small letters, digits, '.', '_' and '-'; begins with a letter" required onChange={(event) => setAlias(event.target.value)} /></Field>
      <Field label="Version"><Select value={chosen} onChange={(event) => setVersionId(event.target.value)}>{ready.map((version) => <option key={version.id} value={version.id}>v{version.number}</option>)}</Select></Field>
      <Button type="submit" className="col-span-2" busy={set.isPending} disabled={missingRole !== undefined} title={missingRole}>Set alias</Button>
      {set.isError && <ErrorNote className="col-span-2">{messageOf(set.error)}</ErrorNote>}
    </form>
  );
}
