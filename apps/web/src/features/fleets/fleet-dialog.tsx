"use client";
import { useDeferredValue, useState } from "react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FleetView } from "@flotilla/fleet";
import { Button } from "../../components/ui/button.tsx";
import { Dialog, DialogClose } from "../../components/ui/dialog.tsx";
import { Field, Input } from "../../components/ui/field.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { apiSend, messageOf, newIdempotencyKey } from "../../lib/api-client.ts";
import { FleetPreviewPanel } from "./fleet-preview-panel.tsx";
import { fleetPreviewQuery } from "./fleet-queries.ts";
import { useRested } from "./use-rested.ts";

export type FleetDraft = { id: string | null; name: string; query: string };

/** Makes or changes a fleet; what the query selects is counted while one types. */
export function FleetDialog({ draft, onClose }: { draft: FleetDraft; onClose: () => void }) {
  const [name, setName] = useState(draft.name);
  const [query, setQuery] = useState(draft.query);
  const [key] = useState(newIdempotencyKey);
  const rested = useDeferredValue(useRested(query, 250));
  const preview = useQuery(fleetPreviewQuery(rested, true));
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: () => (draft.id === null ? apiSend<FleetView>("POST", "/fleets", { name, query }, { idempotencyKey: `${key}-${name}-${query}`.slice(0, 200) }) : apiSend<FleetView>("PATCH", `/fleets/${draft.id}`, { name, query })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["fleet"] });
      onClose();
    },
  });
  const wrong = preview.isError && rested === query ? messageOf(preview.error) : undefined;
  return (
    <Dialog
      open onOpenChange={(open) => { if (!open) onClose(); }} title={draft.id === null ? "New fleet" : `Edit ${draft.name}`}
      footer={<><DialogClose>Cancel</DialogClose><Button kind="primary" type="submit" form="fleet-form" busy={save.isPending} disabled={name.trim() === "" || wrong !== undefined}>{draft.id === null ? "Make fleet" : "Save"}</Button></>}
    >
      <form id="fleet-form" className="grid gap-4" onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
        <Field label="Name"><Input value={name} onChange={(event) => setName(event.target.value)} maxLength={100} required autoComplete="off" /></Field>
        <Field label="Label query" error={wrong} hint={<>Requirements joined by commas: <code>class=pi4</code>, <code>site!=lab</code>, <code>tier in (edge, gw)</code>, <code>canary</code>, <code>!canary</code>. Empty selects every device.</>}>
          <Input value={query} onChange={(event) => setQuery(event.target.value)} maxLength={2000} spellCheck={false} autoComplete="off" className="font-mono text-xs" />
        </Field>
        <FleetPreviewPanel preview={wrong === undefined ? preview.data : undefined} stale={preview.isPlaceholderData || rested !== query} />
        {draft.id !== null && <p className="text-xs text-muted">Rollouts that exist keep the query they were made with.</p>}
        {save.isError && <ErrorNote>{messageOf(save.error)}</ErrorNote>}
      </form>
    </Dialog>
  );
}
