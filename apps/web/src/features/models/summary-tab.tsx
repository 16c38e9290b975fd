"use client";
import type { VersionInspection, VersionView } from "@flotilla/fleet";
import type { ReactNode } from "react";
import { Badge } from "../../components/ui/badge.tsx";
import { Card, Facts } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatBytes, formatCompact, formatCount, formatMs, formatNoun } from "../../lib/format.ts";

/** What the model is and what it costs, with how each number was come by. */
export function SummaryTab({ version }: { version: VersionView }) {
  const { inspection } = version;
  if (inspection === null) {
    return (
      <Card>
        {version.state === "rejected"
          ? <EmptyState title="Nothing was measured" className="py-8">The import refused the model before it could be run.</EmptyState>
          : <EmptyState title="Nothing measured yet" className="py-8">Inputs, operators and latency show here as soon as the import is through.</EmptyState>}
      </Card>
    );
  }
  return (
    <div className="space-y-4">
      <Tiles version={version} inspection={inspection} />
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-2">
        <Signature title="Inputs" tensors={inspection.inputs} />
        <Signature title="Outputs" tensors={inspection.outputs} />
        <Operators inspection={inspection} />
        <Measured inspection={inspection} version={version} />
      </div>
    </div>
  );
}

function Tiles({ version, inspection }: { version: VersionView; inspection: VersionInspection }) {
  const { latencyMs } = inspection;
  const tiles: { label: string; value: string; note: ReactNode }[] = [
    { label: "Latency p50", value: formatMs(latencyMs.p50), note: `p95 ${formatMs(latencyMs.p95)}, n = ${formatCount(latencyMs.n)}` },
    { label: "Size", value: formatBytes(version.sizeBytes), note: `${formatBytes(inspection.initializerBytes)} of weights` },
    { label: "Parameters", value: formatCompact(inspection.parameterCount), note: formatNoun(inspection.nodeCount, "node") },
    { label: "MACs per run", value: inspection.macs === null ? "unknown" : formatCompact(inspection.macs), note: inspection.macs === null ? "a shape is not known" : "multiply-accumulates" },
    { label: "Peak memory", value: formatBytes(inspection.peakMemoryBytes), note: "whole process" },
  ];
  return (
    <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border bg-line shadow-lift sm:grid-cols-3 lg:grid-cols-5">
      {tiles.map((tile) => (
        <div key={tile.label} className="bg-surface p-3 max-sm:last:col-span-2">
          <dt className="text-xs text-muted">{tile.label}</dt>
          <dd><span className="mt-0.5 block text-lg leading-7 font-semibold tracking-tight tabular">{tile.value}</span><span className="text-xs text-muted tabular">{tile.note}</span></dd>
        </div>
      ))}
    </dl>
  );
}

function Signature({ title, tensors }: { title: string; tensors: VersionInspection["inputs"] }) {
  return (
    <Card title={title} flush>
      <Table caption={title}>
        <thead><tr><Th>Name</Th><Th>Type</Th><Th>Shape</Th></tr></thead>
        <tbody>
          {tensors.map((tensor) => (
            <Tr key={tensor.name}>
              <Td className="max-w-56 truncate font-mono text-xs" title={tensor.name}>{tensor.name}</Td>
              <Td className="text-muted">{tensor.elementType}</Td>
              <Td className="font-mono text-xs whitespace-nowrap">{tensor.shape.length === 0 ? "scalar" : tensor.shape.join(" × ")}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

const OPERATORS_SHOWN = 24;

function Operators({ inspection }: { inspection: VersionInspection }) {
  const operators = inspection.operators.toSorted((a, b) => b.count - a.count || a.opType.localeCompare(b.opType));
  return (
    <Card title="Operators" subtitle={inspection.opsets.map((opset) => `${opset.domain === "" ? "ai.onnx" : opset.domain} ${opset.version}`).join(", ")}>
      <ul className="flex flex-wrap gap-1.5">
        {operators.slice(0, OPERATORS_SHOWN).map((operator) => (
          <li key={`${operator.domain} ${operator.opType}`}><Badge>{operator.domain !== "" && `${operator.domain}:`}{operator.opType} <span className="tabular">×{operator.count}</span></Badge></li>
        ))}
        {operators.length > OPERATORS_SHOWN && <li className="text-xs text-muted">and {formatNoun(operators.length - OPERATORS_SHOWN, "more kind")}</li>}
      </ul>
      <p className="mt-3 text-xs text-muted">IR version {inspection.irVersion}{inspection.producer !== "" && `, made by ${inspection.producer}`}</p>
    </Card>
  );
}

function Measured({ inspection, version }: { inspection: VersionInspection; version: VersionView }) {
  const { measuredOn, latencyMs } = inspection;
  return (
    <Card title="How it was measured" subtitle={<TimeAgo at={version.decidedAt} none="" />}>
      <Facts
        items={[
          { label: "Method", value: latencyMs.method },
          { label: "Machine", value: `${measuredOn.cpu} (${measuredOn.arch})` },
          { label: "Runtime", value: `ONNX Runtime ${measuredOn.ortVersion}, ${formatNoun(measuredOn.threads, "thread")}` },
          { label: "Load, first run", value: `${formatMs(inspection.loadMs)}, ${formatMs(inspection.firstRunMs)}` },
          { label: "p50 / p90 / p95 / p99", value: [latencyMs.p50, latencyMs.p90, latencyMs.p95, latencyMs.p99].map(formatMs).join(" / ") },
          { label: "Least, most, mean", value: [latencyMs.min, latencyMs.max, latencyMs.mean].map(formatMs).join(", ") },
        ]}
      />
      <p className="mt-3 text-xs text-pretty text-muted">Measured on the worker's machine, not on a device. What devices report stands under Latency.</p>
    </Card>
  );
}
