"use client";
import { useQuery } from "@tanstack/react-query";
import type { OptimizationView, Verdict } from "@flotilla/fleet";
import { Scale } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { StateWord, type BadgeTone } from "../../components/ui/badge.tsx";
import { LinkButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { Notice } from "../../components/ui/notice.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { optimizationQuery } from "./optimizing-queries.ts";

const VERDICTS: Record<Verdict, { word: string; tone: BadgeTone }> = { helps: { word: "helps", tone: "ok" }, no_help: { word: "no help", tone: "warn" }, refused: { word: "refused", tone: "neutral" } };

/** What came of an optimization: one sentence, then each technique with its own. */
export function OptimizationResults({ id }: { id: string }) {
  const query = useQuery(optimizationQuery(id));
  return <QueryView query={query} what="The optimization could not be loaded" loading={<Skeleton className="h-40 w-full" />}>{(data) => <Results optimization={data} />}</QueryView>;
}

function Results({ optimization }: { optimization: OptimizationView }) {
  const { goal, results } = optimization;
  const made = results.flatMap(({ versionId }) => versionId ?? []);
  const limits = [
    `accuracy drop ≤ ${goal.maxAccuracyDropPoints} pp`,
    ...(goal.maxLatencyMsP95 === undefined ? [] : [`p95 ≤ ${goal.maxLatencyMsP95} ms`]),
    ...(goal.maxSizeBytes === undefined ? [] : [`size ≤ ${Number((goal.maxSizeBytes / 2 ** 20).toPrecision(3))} MiB`]),
    ...(goal.safeOnEveryCpu ? ["safe on every CPU"] : []),
  ];
  const compare = [optimization.versionId, ...made].slice(0, 12).join(",");
  return (
    <Card
      title={<>Optimization of <Link href={`/models/-/v/${optimization.versionId}` as Route} className="underline decoration-line-strong underline-offset-4">{optimization.versionName}</Link></>}
      subtitle={`${goal.objective === "size" ? "small size" : "short time"} wanted; ${limits.join(", ")}${optimization.datasetVersionName === null ? "; no dataset" : `; on ${optimization.datasetVersionName}`}`}
      actions={made.length > 0 && <LinkButton kind="primary" size="sm" href={`/compare?versions=${compare}&baseline=${optimization.versionId}` as Route}><Scale size={14} aria-hidden />Compare</LinkButton>}
      flush
    >
      {optimization.sentence !== null && <p className="border-b px-4 py-3 text-sm font-medium text-pretty">{optimization.sentence}</p>}
      {optimization.failure !== null && <div className="p-3"><Notice tone="bad" title="It did not come to an end">{optimization.failure}</Notice></div>}
      {results.length === 0
        ? <ol className="list-decimal py-3 pr-4 pl-9 text-muted">{optimization.recipe.techniques.map((technique, position) => <li key={`${position} ${technique.kind}`}>{technique.kind.replaceAll("_", " ")}</li>)}</ol>
        : <ul>{results.map((result) => <ResultRow key={result.position} result={result} />)}</ul>}
    </Card>
  );
}

function ResultRow({ result }: { result: OptimizationView["results"][number] }) {
  const { word, tone } = VERDICTS[result.verdict];
  return (
    <li className="grid gap-x-4 gap-y-1 border-b px-4 py-3 last:border-b-0 sm:grid-cols-[6.5rem_minmax(0,1fr)_auto]">
      <div><StateWord tone={tone} word={word} ended={result.verdict === "refused"} /></div>
      <div className="min-w-0"><p className="font-medium">{result.label}</p><p className="text-pretty text-muted">{result.sentence}</p></div>
      {result.versionId !== null && <Link href={`/models/-/v/${result.versionId}` as Route} className="self-start font-medium text-accent-text underline underline-offset-2">v{result.versionNumber}</Link>}
    </li>
  );
}
