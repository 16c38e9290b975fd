"use client";
import type { ComparedVersion, CompareView } from "@flotilla/fleet";
import { Hammer } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { Badge, StateWord, type BadgeTone } from "../../components/ui/badge.tsx";
import { Button, LinkButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatBytes, formatCount, formatMs, formatPercent } from "../../lib/format.ts";
import { formatAccuracy, formatInterval, formatPoints, formatRatio } from "../optimizing/number-words.tsx";
import { judge, type Budget } from "./budget.ts";
import { accuracyFinding, accuracyNote, latencyFinding, latencyNote, type Finding } from "./difference-words.ts";

const TONES: Record<Finding, BadgeTone> = { better: "ok", worse: "bad", noise: "neutral" };
const WORDS: Record<Finding, string> = { better: "better", worse: "worse", noise: "within noise" };

/** Each version with its numbers and how far they are from the baseline's, with intervals where there are any. */
export function DeltaTable({ view, budget, onBaseline }: { view: CompareView; budget: Budget; onBaseline: (id: string) => void }) {
  const baselineAccuracy = view.versions.find(({ id }) => id === view.baselineId)?.accuracy?.value ?? null;
  return (
    <Card title="Beside the baseline" subtitle="ratios are version ÷ baseline; accuracy is compared on the same examples" flush>
      <Table caption="Versions beside the baseline">
        <thead><tr><Th>Version</Th><Th>Limits</Th><Th>Accuracy</Th><Th>Latency, p50</Th><Th>Size</Th><Th numeric>Peak memory</Th><Th numeric>First load</Th><Th numeric>In integers</Th></tr></thead>
        <tbody>
          {view.versions.map((version) => (
            <Tr key={version.id} className="align-top">
              <Td className="min-w-44 py-2 align-top"><Name version={version} isBaseline={version.id === view.baselineId} isAlone={view.versions.length === 1} /><Actions version={version} isBaseline={version.id === view.baselineId} onBaseline={onBaseline} /></Td>
              <Td className="min-w-28 py-2 align-top"><Verdict version={version} budget={budget} baselineAccuracy={baselineAccuracy} /></Td>
              <Td className="min-w-52 py-2 align-top"><Accuracy version={version} /></Td>
              <Td className="min-w-48 py-2 align-top"><Latency version={version} /></Td>
              <Td className="min-w-32 py-2 align-top"><Size version={version} /></Td>
              <Td numeric className="py-2 align-top whitespace-nowrap">{version.peakMemoryBytes === null ? "–" : formatBytes(version.peakMemoryBytes)}{version.delta !== null && <Small>{formatRatio(version.delta.memoryRatio)}</Small>}</Td>
              <Td numeric className="py-2 align-top whitespace-nowrap">{formatMs(version.loadMs)}</Td>
              <Td numeric className="py-2 align-top whitespace-nowrap">{version.integerTimeShare === null ? "–" : <>{formatPercent(version.integerTimeShare * 100)}<Small>of the time</Small></>}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

/** Alone nothing is on a front. */
function Name({ version, isBaseline, isAlone }: { version: ComparedVersion; isBaseline: boolean; isAlone: boolean }) {
  return (
    <span className="block">
      <Link className="font-medium hover:underline" href={`/models/${version.modelId}/v/${version.number}` as Route}>{version.modelName} v{version.number}</Link>
      <Small>{version.label ?? "brought by people"}</Small>
      <span className="mt-1 flex flex-wrap gap-1">
        {isBaseline && <Badge tone="accent">baseline</Badge>}
        {version.isOnFront === true && !isAlone && <Badge title="No other here is at least as good in size, latency and accuracy, and better in one">on the front</Badge>}
        {!version.offered && <StateWord tone="warn" word="not offered" />}
      </span>
      {!version.offered && <Small>{version.notOfferedReason}</Small>}
    </span>
  );
}

function Accuracy({ version: { accuracy, delta } }: { version: ComparedVersion }) {
  if (accuracy === null) return <span className="text-muted">not evaluated</span>;
  return (
    <>
      <Headline value={formatAccuracy(accuracy.value)} {...(delta?.accuracy != null && { change: formatPoints(delta.accuracy.value), finding: accuracyFinding(delta.accuracy) })} />
      <Small>{delta?.accuracy == null ? `95 % from ${formatInterval(accuracy.ci95)}, n = ${formatCount(accuracy.n)}; ${accuracy.method}` : `${accuracyNote(delta.accuracy)}; ${delta.accuracy.method}`}</Small>
    </>
  );
}

function Latency({ version: { latencyMs, comparableMs, delta } }: { version: ComparedVersion }) {
  if (latencyMs === null) return <span className="text-muted">not measured alike</span>;
  return (
    <>
      <Headline value={formatMs(comparableMs)} {...(delta !== null && { change: formatRatio(delta.latencyRatio), finding: latencyFinding(delta.latencyRatioCi95) })} />
      <Small>{comparableMs !== latencyMs.p50 && `p50 ${formatMs(latencyMs.p50)} by itself, `}p95 {formatMs(latencyMs.p95)}, p99 {formatMs(latencyMs.p99)}, n = {formatCount(latencyMs.n)}{delta !== null && `; ${latencyNote(delta)}`}</Small>
    </>
  );
}

function Size({ version }: { version: ComparedVersion }) {
  return (
    <>
      <Headline value={formatBytes(version.sizeBytes)} {...(version.delta !== null && { change: formatRatio(version.delta.sizeRatio) })} />
      {version.compressedBytes !== null && <Small>{formatBytes(version.compressedBytes)} compressed</Small>}
    </>
  );
}

function Headline({ value, change, finding = null }: { value: string; change?: string; finding?: Finding | null }) {
  return <span className="flex flex-wrap items-center gap-x-2 tabular"><span className="font-medium">{value}</span>{change !== undefined && <span>{change}</span>}{finding !== null && <StateWord tone={TONES[finding]} word={WORDS[finding]} />}</span>;
}

function Verdict({ version, budget, baselineAccuracy }: { version: ComparedVersion; budget: Budget; baselineAccuracy: number | null }) {
  const verdict = judge(version, budget, baselineAccuracy);
  if (verdict === null) return <span className="text-muted">none set</span>;
  if (verdict.keeps) return <StateWord tone="ok" word="within" />;
  return <><StateWord tone="bad" word="outside" /><Small>{verdict.reasons.join("; ")}</Small></>;
}

function Actions({ version, isBaseline, onBaseline }: { version: ComparedVersion; isBaseline: boolean; onBaseline: (id: string) => void }) {
  return (
    <span className="mt-1.5 flex flex-col items-start gap-1">
      {version.offered && <LinkButton size="sm" href={`/builds/new?version=${version.id}` as Route}><Hammer size={13} aria-hidden />Pick v{version.number} for a build</LinkButton>}
      {!isBaseline && <Button size="sm" kind="quiet" onClick={() => onBaseline(version.id)}>Make v{version.number} the baseline</Button>}
    </span>
  );
}

function Small({ children }: { children: React.ReactNode }) {
  return <span className="block text-2xs text-pretty text-muted">{children}</span>;
}
