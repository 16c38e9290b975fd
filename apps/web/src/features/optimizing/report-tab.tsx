"use client";
import { useQuery } from "@tanstack/react-query";
import type { MeasurementView, VersionReportView, VersionView } from "@flotilla/fleet";
import type { Route } from "next";
import Link from "next/link";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { Notice } from "../../components/ui/notice.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatBytes, formatCount, formatMs } from "../../lib/format.ts";
import { formatAccuracy, formatPointInterval, formatPoints, machineWords, Measured, methodBesideMode, modeWords, shareNote } from "./number-words.tsx";
import { reportQuery } from "./optimizing-queries.ts";
import { VariantFindings } from "./variant-findings.tsx";

/** Every number known of a version; each says how it was come by. */
export function ReportTab({ version }: { version: VersionView }) {
  const query = useQuery(reportQuery(version.id));
  return (
    <QueryView query={query} what="The report could not be loaded" loading={<Skeleton className="h-64 w-full" />}>
      {(report) => (
        <div className="space-y-4">
          {!report.offered && <Notice tone="warn" title="Not offered for builds">{report.notOfferedReason}</Notice>}
          <Accuracy report={report} />
          {report.variant !== null && <VariantFindings variant={report.variant} />}
          <Measurements measurements={report.measurements} />
          {report.recipe !== null && <Origin report={report} />}
        </div>
      )}
    </QueryView>
  );
}

function Accuracy({ report }: { report: VersionReportView }) {
  if (report.evaluations.length === 0) return <Card title="Accuracy"><EmptyState title="Never evaluated" className="py-6">“Evaluate…” counts its right answers on a split of a dataset. Without that nobody knows its accuracy.</EmptyState></Card>;
  return (
    <Card title="Accuracy" flush>
      <ul>
        {report.evaluations.map(({ numbers, ...evaluation }) => {
          const pair = report.againstParent.find((difference) => difference.datasetVersionId === evaluation.datasetVersionId && difference.split === numbers.split);
          return (
            <li key={`${evaluation.datasetVersionId} ${numbers.split}`} className="border-b p-4 last:border-b-0">
              <p className="mb-2 text-xs text-muted"><Link href={`/datasets/${evaluation.datasetId}?v=${evaluation.datasetNumber}` as Route} className="text-ink underline underline-offset-2">{evaluation.datasetName} v{evaluation.datasetNumber}</Link>, {numbers.split} split, <TimeAgo at={evaluation.at} />, <Link href={`/jobs/${evaluation.jobId}` as Route} className="underline underline-offset-2">job</Link></p>
              <dl className="grid gap-4 sm:grid-cols-2 lg:grid-cols-4">
                <Measured label="Top-1" value={formatAccuracy(numbers.top1?.value ?? null)} how={numbers.top1 === null ? `the examples have no labels; ${numbers.method}` : shareNote(numbers.top1)} />
                {numbers.top5 !== null && <Measured label="Top-5" value={formatAccuracy(numbers.top5.value)} how={shareNote(numbers.top5)} />}
                {pair !== undefined && <Measured label="Beside its parent" value={formatPoints(pair.value)} how={`95 % between ${formatPointInterval(pair.ci95)}, n = ${formatCount(pair.n)}, p = ${Number(pair.pValue.toPrecision(2))}; ${pair.method}`} />}
                {pair !== undefined && <Measured label="Agrees with its parent" value={formatAccuracy(pair.agreement)} how={`on ${formatCount(pair.n)} examples; ${formatCount(pair.gained)} won, ${formatCount(pair.lost)} lost`} />}
                {pair?.worstClass != null && <Measured label="Worst class" value={formatPoints(pair.worstClass.value)} how={`${pair.worstClass.name}, n = ${formatCount(pair.worstClass.n)}`} />}
              </dl>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

function Measurements({ measurements }: { measurements: readonly MeasurementView[] }) {
  if (measurements.length === 0) return <Card title="Time"><EmptyState title="Not measured beyond the import" className="py-6">“Benchmark” measures it again; the numbers of the import stand under Summary.</EmptyState></Card>;
  return (
    <Card title="Time" subtitle="compare only within one mode on one machine" flush>
      <Table caption="Measurements">
        <thead><tr><Th>How</Th><Th numeric>p50</Th><Th numeric>p95</Th><Th numeric>p99</Th><Th numeric>n</Th><Th>Beside the baseline</Th><Th numeric>Load</Th><Th numeric>Peak memory</Th><Th>Machine</Th><Th>When</Th></tr></thead>
        <tbody>
          {measurements.map(({ numbers, ...measurement }) => (
            <Tr key={`${measurement.mode} ${measurement.machineId} ${measurement.jobId}`}>
              <Td className="min-w-48"><span className="whitespace-nowrap">{modeWords[measurement.mode]}</span><span className="block text-2xs text-muted">{methodBesideMode(measurement.mode, numbers.latencyMs.method)}</span></Td>
              {[numbers.latencyMs.p50, numbers.latencyMs.p95, numbers.latencyMs.p99].map((ms, position) => <Td key={["p50", "p95", "p99"][position]} numeric className="whitespace-nowrap">{formatMs(ms)}</Td>)}
              <Td numeric>{formatCount(numbers.latencyMs.n)}</Td>
              <Td className="min-w-44">{numbers.speedUp === null ? "–" : <>{Number(numbers.speedUp.ratio.toPrecision(3))} × as quick<span className="block text-2xs text-muted">95 % between {numbers.speedUp.ci95.map((end) => Number(end.toPrecision(3))).join(" and ")}, {formatCount(numbers.speedUp.rounds)} rounds</span></>}</Td>
              <Td numeric className="whitespace-nowrap">{formatMs(numbers.loadMs)}</Td>
              <Td numeric className="whitespace-nowrap">{numbers.peakMemoryBytes === null ? "–" : formatBytes(numbers.peakMemoryBytes)}</Td>
              <Td className="min-w-56 text-xs text-muted">{machineWords(numbers.machine)}</Td>
              <Td className="whitespace-nowrap text-muted"><TimeAgo at={measurement.at} /></Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

function Origin({ report }: { report: VersionReportView }) {
  return (
    <Card title="How it was made" subtitle="the same recipe makes the same bytes">
      <div className="grid gap-3">
        <p className="text-xs text-muted">Recipe <code className="text-2xs break-all">{report.recipeSha256}</code>{report.toolVersions !== null && <>, made with {Object.entries(report.toolVersions).map(([tool, version]) => `${tool} ${version}`).join(", ")}</>}</p>
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard */}
        <pre tabIndex={0} aria-label="Recipe" role="region" className="max-h-60 overflow-auto rounded-md bg-sunken p-3 text-xs">{JSON.stringify(report.recipe, null, 2)}</pre>
      </div>
    </Card>
  );
}
