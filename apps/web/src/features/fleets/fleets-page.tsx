"use client";
import { useState } from "react";
import Link from "next/link";
import type { Route } from "next";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { parseAsString, useQueryState } from "nuqs";
import { Boxes, Pencil, Trash2 } from "lucide-react";
import type { FleetView } from "@flotilla/fleet";
import { Button, IconButton, LinkButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { ConfirmDialog } from "../../components/ui/confirm-dialog.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { Page } from "../../components/ui/page.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { apiSend } from "../../lib/api-client.ts";
import { CHOICES_MAX } from "../../lib/choices.ts";
import { formatCount } from "../../lib/format.ts";
import { SimulatedMark } from "../rollouts/tone-word.tsx";
import { FleetDialog, type FleetDraft } from "./fleet-dialog.tsx";
import { fleetExamples } from "./fleet-examples.ts";
import { fleetChoicesQuery } from "./fleet-queries.ts";

/** Fleets: names for label queries, with how many devices each selects now. */
export function FleetsPage() {
  const query = useQuery(fleetChoicesQuery());
  const [opened] = useQueryState("fleet", parseAsString);
  const [draft, setDraft] = useState<FleetDraft | null>(null);
  const [removing, setRemoving] = useState<FleetView | null>(null);
  const client = useQueryClient();
  const remove = useMutation({ mutationFn: (id: string) => apiSend("DELETE", `/fleets/${id}`), onSuccess: () => client.invalidateQueries({ queryKey: ["fleet"] }) });
  const blank = { id: null, name: "", query: "" };
  return (
    <Page title="Fleets" subtitle="Names for label queries over devices" actions={<Button kind="primary" onClick={() => setDraft(blank)}>New fleet</Button>}>
      <QueryView query={query} what="The fleets could not be loaded" loading={<Card flush><TableSkeleton rows={4} /></Card>}>
        {(all) => (all.items.length === 0
          ? <Examples onPick={setDraft} onBlank={() => setDraft(blank)} />
          : (
            <div className="grid gap-4">
              <Card flush>
                <Table caption="Fleets">
                  <thead><tr><Th>Fleet</Th><Th>Query</Th><Th numeric>Devices</Th><Th>Made</Th><Th><span className="sr-only">Actions</span></Th></tr></thead>
                  <tbody>{all.items.map((fleet) => <FleetRow key={fleet.id} fleet={fleet} marked={fleet.id === opened} onEdit={() => setDraft(fleet)} onRemove={() => setRemoving(fleet)} />)}</tbody>
                </Table>
                {all.nextCursor !== null && <p className="border-t px-3 py-2 text-xs text-muted">The newest {formatCount(CHOICES_MAX)} fleets are listed.</p>}
              </Card>
              <Examples small onPick={setDraft} onBlank={() => setDraft(blank)} />
            </div>
          ))}
      </QueryView>
      {draft !== null && <FleetDialog draft={draft} onClose={() => setDraft(null)} />}
      <ConfirmDialog open={removing !== null} onOpenChange={(open) => { if (!open) setRemoving(null); }} title={`Delete ${removing?.name ?? "fleet"}?`} action="Delete fleet" onConfirm={() => remove.mutateAsync(removing?.id ?? "")}>
        <p>The devices stay; only the name for the query goes. Finished rollouts keep the query they had.</p>
      </ConfirmDialog>
    </Page>
  );
}

function FleetRow({ fleet, marked, onEdit, onRemove }: { fleet: FleetView; marked: boolean; onEdit: () => void; onRemove: () => void }) {
  return (
    <Tr className={marked ? "bg-accent-soft" : ""}>
      <Td className="max-w-60"><Link href={`/devices?query=${encodeURIComponent(fleet.query)}` as Route} className="block truncate font-medium hover:underline" title="Show its devices">{fleet.name}</Link></Td>
      <Td className="max-w-96">{fleet.query === "" ? <span className="text-muted">every device</span> : <code className="block truncate text-xs" title={fleet.query}>{fleet.query}</code>}</Td>
      <Td numeric><span className="inline-flex items-center gap-2">{fleet.simulatedDevices > 0 && <SimulatedMark compact={fleet.simulatedDevices < fleet.devices} />}{formatCount(fleet.devices)}</span></Td>
      <Td className="whitespace-nowrap text-muted">{fleet.createdByName}, <TimeAgo at={fleet.createdAt} /></Td>
      <Td className="whitespace-nowrap text-right">
        <LinkButton size="sm" href={`/rollouts/new?fleet=${fleet.id}` as Route}>Roll out</LinkButton>{" "}
        <IconButton size="icon-sm" label={`Edit ${fleet.name}`} onClick={onEdit}><Pencil size={14} aria-hidden /></IconButton>
        <IconButton size="icon-sm" label={`Delete ${fleet.name}`} onClick={onRemove}><Trash2 size={14} aria-hidden /></IconButton>
      </Td>
    </Tr>
  );
}

function Examples({ small = false, onPick, onBlank }: { small?: boolean; onPick: (draft: FleetDraft) => void; onBlank: () => void }) {
  const list = (
    <ul className="grid gap-3 text-left sm:grid-cols-3">
      {fleetExamples.map((example) => (
        <li key={example.name} className="grid content-between gap-2 rounded-lg border bg-surface p-3">
          <div><p className="font-medium">{example.title}</p><p className="text-xs text-pretty text-muted">{example.why}</p><code className="mt-1 block text-xs break-all">{example.query}</code></div>
          <Button size="sm" className="justify-self-start" onClick={() => onPick({ id: null, name: example.name, query: example.query })}>Try it</Button>
        </li>
      ))}
    </ul>
  );
  if (small) return <section className="grid gap-2"><h2 className="text-xs text-muted">Examples</h2>{list}</section>;
  return (
    <div>
      <EmptyState icon={<Boxes size={18} />} title="No fleet yet" action={<Button kind="primary" onClick={onBlank}>New fleet</Button>}>A fleet is a name for a label query, so that rollouts and charts can speak of the same devices. New devices that match belong to it at once.</EmptyState>
      {list}
    </div>
  );
}
