"use client";
import { useQuery } from "@tanstack/react-query";
import type { VariantNode, VersionView } from "@flotilla/fleet";
import { Scale, Wand } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { useState } from "react";
import { StateWord } from "../../components/ui/badge.tsx";
import { LinkButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatBytes, formatMs } from "../../lib/format.ts";
import { formatAccuracy, formatRatio } from "./number-words.tsx";
import { compareQuery, variantsQuery } from "./optimizing-queries.ts";
import { treeOf } from "./variant-tree.ts";

/** Versions that one comparison takes. */
const COMPARE_MAX = 12;

/** All that was made of the version's oldest ancestor, below what each was made of. */
export function VariantsTab({ version }: { version: VersionView }) {
  const query = useQuery(variantsQuery(version.id));
  return (
    <QueryView query={query} what="Variants could not be loaded" loading={<TableSkeleton rows={4} columns={6} />}>
      {({ items, rootId }) => (items.length < 2 ? (
        <Card>
          <EmptyState icon={<Wand size={18} />} title="Nothing was made of it yet" className="py-8" action={version.state === "ready" && <LinkButton kind="primary" href={`/models/${version.modelId}/v/${version.number}/optimize` as Route}>Optimize…</LinkButton>}>
            An optimization makes variants that are smaller or quicker, and says for each what it costs.
          </EmptyState>
        </Card>
      ) : <VariantTable items={items} rootId={rootId} current={version.id} />)}
    </QueryView>
  );
}

function VariantTable({ items, rootId, current }: { items: readonly VariantNode[]; rootId: string; current: string }) {
  const [ticked, setTicked] = useState<ReadonlySet<string>>(() => new Set(items.filter((item) => item.id === rootId || item.offered).slice(0, COMPARE_MAX).map(({ id }) => id)));
  const rows = treeOf(items);
  const root = items.find(({ id }) => id === rootId);
  // Accuracy stands where most of them were evaluated alike; sizes and times need no dataset.
  const compared = useQuery(compareQuery({ versions: rows.slice(0, COMPARE_MAX).map(({ node }) => node.id), baseline: null, dataset: null, split: null })).data;
  const on = compared?.accuracyOn ?? null;
  const toggle = (id: string): void => setTicked((before) => (before.has(id) ? new Set([...before].filter((other) => other !== id)) : new Set([...before, id])));
  const chosen = rows.map(({ node }) => node.id).filter((id) => ticked.has(id));
  const isPossible = chosen.length >= 2 && chosen.length <= COMPARE_MAX;
  return (
    <Card
      title="Variants" flush
      subtitle={on === null ? "times from the import on the worker's machine" : `accuracy on ${on.datasetName} v${on.datasetNumber}, ${on.split}; times from the import on the worker's machine`}
      actions={isPossible ? <LinkButton size="sm" kind="primary" href={`/compare?versions=${chosen.join(",")}` as Route}><Scale size={14} aria-hidden />Compare {chosen.length}</LinkButton> : <span className="text-xs text-muted">Tick 2 to {COMPARE_MAX} to compare</span>}
    >
      <Table caption="Variants">
        <thead><tr><Th><span className="sr-only">Compare</span></Th><Th>Version</Th><Th>Made by</Th><Th numeric>Size</Th><Th numeric>p50</Th><Th numeric>Accuracy</Th><Th>Offered</Th></tr></thead>
        <tbody>
          {rows.map(({ node, depth }) => (
            <Tr key={node.id} aria-current={node.id === current || undefined} className={node.id === current ? "bg-accent-soft/50" : undefined}>
              <Td><input type="checkbox" className="size-4 accent-(--accent)" aria-label={`Compare v${node.number}`} checked={ticked.has(node.id)} onChange={() => toggle(node.id)} /></Td>
              <Td className="whitespace-nowrap"><span style={{ paddingLeft: depth * 18 }}>{depth > 0 && <span aria-hidden className="mr-1 text-muted">└</span>}<Link href={`/models/${node.modelId}/v/${node.number}` as Route} className="font-medium hover:underline">v{node.number}</Link></span></Td>
              <Td className="min-w-40">{node.label ?? <span className="text-muted">brought by people</span>}</Td>
              <Td numeric className="whitespace-nowrap">{formatBytes(node.sizeBytes)}{root !== undefined && node.id !== rootId && <span className="block text-2xs text-muted">{formatRatio(node.sizeBytes / root.sizeBytes)}</span>}</Td>
              <Td numeric className="whitespace-nowrap">{formatMs(node.latencyMsP50)}</Td>
              <Td numeric className="whitespace-nowrap">{formatAccuracy(compared?.versions.find(({ id }) => id === node.id)?.accuracy?.value ?? null)}</Td>
              <Td className="min-w-56"><Offer node={node} /></Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

function Offer({ node }: { node: VariantNode }) {
  if (node.state !== "ready") return <StateWord tone={node.state === "rejected" ? "bad" : "busy"} word={node.state} />;
  if (node.offered) return <StateWord tone="ok" word="offered" />;
  return <span><StateWord tone="warn" word="not offered" /><span className="ml-2 text-xs text-pretty text-muted">{node.notOfferedReason}</span></span>;
}
