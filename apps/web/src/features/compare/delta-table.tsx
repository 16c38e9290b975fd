"use client";
import type { CompareView } from "@flotilla/fleet";
import { Check, CircleHelp, Hammer, X } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { Badge } from "../../components/ui/badge.tsx";
import { IconButton, LinkButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatBytes, formatCompact, formatCount, formatMs, formatPercent } from "../../lib/format.ts";
import { formatAccuracy, formatInterval, formatPointInterval, formatPoints, formatRatio } from "../optimizing/number-words.tsx";
import { keepsBudget, type Budget } from "./budget.ts";

type Compared = CompareView["versions"][number];

/** The numbers of each version and how they differ from the baseline's, each with its interval. */
export function DeltaTable({ view, budget, onRemove }: { view: CompareView; budget: Budget; onRemove: (id: string) => void }) {
  const baseline = view.versions.find(({ id }) => id === view.baselineId);
  return (
    <Card title="Beside the baseline" subtitle={baseline && `${baseline.modelName} v${baseline.number}; ratios are version ÷ baseline`} flush>
      <Table caption="Versions beside the baseline">
        <thead><tr><Th>Version</Th><Th>Limits</Th><Th numeric>Accuracy</Th><Th numeric>Difference</Th><Th numeric>p50</Th><Th numeric>p95</Th><Th numeric>Size</Th><Th numeric>To send</Th><Th numeric>Memory</Th><Th numeric>In integers</Th><Th numeric>MACs</Th><Th><span className="sr-only">Actions</span></Th></tr></thead>
        <tbody>{view.versions.map((version) => <VersionRow key={version.id} version={version} isBaseline={version.id === view.baselineId} budget={budget} onRemove={view.versions.length > 1 ? () => onRemove(version.id) : null} />)}</tbody>
      </Table>
    </Card>
  );
}

function VersionRow({ version, isBaseline, budget, onRemove }: { version: Compared; isBaseline: boolean; budget: Budget; onRemove: (() => void) | null }) {
  const { delta, accuracy, latencyMs } = version;
  return (
    <Tr>
      <Td className="min-w-52 py-2">
        <span className="flex flex-wrap items-center gap-1.5"><Link href={`/models/${version.modelId}/v/${version.number}?tab=report` as Route} className="font-medium hover:underline">{version.modelName} v{version.number}</Link>{isBaseline && <Badge>baseline</Badge>}{version.isOnFront === true && <Badge tone="accent">on the front</Badge>}</span>
        <span className="block text-xs text-muted">{version.label}</span>
        {!version.offered && <span className="block text-xs text-pretty text-warn">Not offered: {version.notOfferedReason}</span>}
      </Td>
      <Td><Kept keeps={keepsBudget(version, budget)} /></Td>
      <Td numeric className="whitespace-nowrap" title={accuracy?.method}>{formatAccuracy(accuracy?.value ?? null)}{accuracy !== null && <Small>{formatInterval(accuracy.ci95)}<br />n = {formatCount(accuracy.n)}</Small>}</Td>
      <Td numeric className="whitespace-nowrap" title={delta?.accuracy?.method}>{delta?.accuracy == null ? "–" : <>{formatPoints(delta.accuracy.value)}<Small>{formatPointInterval(delta.accuracy.ci95)}<br />p = {Number(delta.accuracy.pValue.toPrecision(2))}, agree {formatPercent(delta.accuracy.agreement * 100)}</Small></>}</Td>
      <Td numeric className="whitespace-nowrap" title={latencyMs?.method}>{formatMs(latencyMs?.p50 ?? null)}{latencyMs !== null && <Small>{delta?.latencyRatio == null ? "" : formatRatio(delta.latencyRatio)}<br />n = {formatCount(latencyMs.n)}</Small>}</Td>
      <Td numeric className="whitespace-nowrap">{formatMs(latencyMs?.p95 ?? null)}</Td>
      <Td numeric className="whitespace-nowrap">{formatBytes(version.sizeBytes)}{delta !== null && <Small>{formatRatio(delta.sizeRatio)}</Small>}</Td>
      <Td numeric className="whitespace-nowrap" title="compressed">{version.compressedBytes === null ? "–" : formatBytes(version.compressedBytes)}</Td>
      <Td numeric className="whitespace-nowrap" title="peak of the whole process">{version.peakMemoryBytes === null ? "–" : formatBytes(version.peakMemoryBytes)}{delta?.memoryRatio != null && <Small>{formatRatio(delta.memoryRatio)}</Small>}</Td>
      <Td numeric title="share of the time in integer kernels">{version.integerTimeShare === null ? "–" : formatPercent(version.integerTimeShare * 100)}</Td>
      <Td numeric className="whitespace-nowrap">{version.macs === null ? "–" : formatCompact(version.macs)}</Td>
      <Td>
        <span className="flex items-center justify-end gap-1">
          {version.offered && <LinkButton size="sm" kind={isBaseline ? "secondary" : "primary"} href={`/builds/new?version=${version.id}` as Route} aria-label={`Pick v${version.number} for build`}><Hammer size={13} aria-hidden />Pick for build</LinkButton>}
          {onRemove !== null && <IconButton size="icon-sm" label={`Leave v${version.number} out`} onClick={onRemove}><X size={14} aria-hidden /></IconButton>}
        </span>
      </Td>
    </Tr>
  );
}

function Small({ children }: { children: React.ReactNode }) {
  return <span className="block text-2xs text-muted">{children}</span>;
}

function Kept({ keeps }: { keeps: boolean | null }) {
  if (keeps === null) return <span className="inline-flex items-center gap-1 text-xs text-muted"><CircleHelp size={13} aria-hidden />not known</span>;
  return keeps ? <span className="inline-flex items-center gap-1 text-xs text-ok"><Check size={13} aria-hidden />kept</span> : <span className="inline-flex items-center gap-1 text-xs text-bad"><X size={13} aria-hidden />broken</span>;
}
