"use client";
import type { ReactNode } from "react";
import Link from "next/link";
import type { Route } from "next";
import { useQuery } from "@tanstack/react-query";
import { ArrowRight, CircleCheck } from "lucide-react";
import type { AuditView } from "@flotilla/fleet";
import { messageOf } from "../../lib/api-client.ts";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { useNow } from "../../lib/use-now.ts";
import { objectHref } from "../audit/object-links.ts";
import { RolloutLine } from "../rollouts/rollouts-page.tsx";
import { AttentionList } from "./attention-list.tsx";
import { Checklist } from "./checklist.tsx";
import { FleetTiles } from "./fleet-tiles.tsx";
import { ModelLatencyList } from "./model-latency.tsx";
import { auditSentence, namesObject } from "./audit-words.ts";
import { overviewQuery } from "./overview-queries.ts";

/** Is anything wrong, and what is moving? */
export function OverviewPage() {
  const now = useNow();
  const query = useQuery(overviewQuery());
  const view = query.data;
  if (view === undefined) return query.isError ? <p role="alert" className="text-ui">{messageOf(query.error)}</p> : <OverviewSkeleton />;
  const steps = view.checklist;
  const isNew = !steps.enrolled || !steps.uploaded || !steps.rolledOut;
  return (
    <div className="grid gap-7">
      {isNew && <Checklist steps={steps} />}
      <div className="grid gap-x-8 gap-y-7 xl:grid-cols-[minmax(0,1fr)_22rem]">
        <div className="grid min-w-0 content-start gap-7">
          {(!isNew || view.attention.length > 0) && (
            <Section title="Needs attention" count={view.attention.length}>
              {view.attention.length === 0
                ? <p className="flex items-center gap-2 rounded-lg border border-line bg-surface px-4 py-3 text-ui text-muted"><CircleCheck size={16} className="text-ok" aria-hidden />Nothing does. Rollouts, jobs, models and devices are as they should be.</p>
                : <AttentionList items={view.attention} />}
            </Section>
          )}
          <Section title="Active rollouts" count={view.rollouts.length} more={{ href: "/rollouts", label: "All rollouts" }}>
            {view.rollouts.length === 0
              ? <p className="rounded-lg border border-line bg-surface px-4 py-3 text-ui text-muted">No rollout is under way. <Link href={"/rollouts/new" as Route} className="text-ink underline decoration-line-strong underline-offset-2">New rollout</Link></p>
              : <ul className="divide-y divide-line overflow-hidden rounded-lg border border-line bg-surface">{view.rollouts.map((rollout) => <RolloutLine key={rollout.id} rollout={rollout} now={now} />)}</ul>}
          </Section>
          <Section title="Fleets" more={{ href: "/devices", label: "All devices" }}><FleetTiles all={view.all} fleets={view.fleets} /></Section>
        </div>
        <div className="grid min-w-0 content-start gap-7">
          <Section title="p95 by model" more={{ href: "/latency", label: "Latency" }}><ModelLatencyList models={view.models} /></Section>
          <Section title="Last changes" more={{ href: "/audit", label: "Audit" }}><LastChanges changes={view.changes} /></Section>
        </div>
      </div>
    </div>
  );
}

function Section({ title, count, more, children }: { title: string; count?: number; more?: { href: string; label: string }; children: ReactNode }) {
  return (
    <section className="grid min-w-0 gap-2">
      <div className="flex items-baseline gap-2">
        <h2 className="text-ui font-semibold">{title}</h2>
        {count !== undefined && count > 0 && <span className="text-xs text-muted tabular-nums">{count}</span>}
        {more !== undefined && <Link href={more.href as Route} className="ml-auto inline-flex items-center gap-1 text-xs text-muted hover:text-ink">{more.label}<ArrowRight size={12} aria-hidden /></Link>}
      </div>
      {children}
    </section>
  );
}

function LastChanges({ changes }: { changes: readonly AuditView[] }) {
  if (changes.length === 0) return <p className="text-ui text-muted">Nobody has changed anything yet.</p>;
  return (
    <ol className="grid gap-1.5">
      {changes.map((change) => {
        const href = objectHref(change);
        return (
          <li key={change.id} className="text-ui leading-snug">
            <span className="font-medium">{change.actorName}</span> {auditSentence(change.action)}{" "}
            {namesObject(change.action) && (href === null ? <span>{change.objectName || change.objectId}</span> : <Link href={href as Route} className="underline decoration-line-strong underline-offset-2 hover:decoration-current">{change.objectName || change.objectId}</Link>)}{" "}
            <TimeAgo at={change.at} className="text-xs whitespace-nowrap text-muted" />
            {change.reason !== null && change.reason !== "" && <span className="block text-xs text-muted">“{change.reason}”</span>}
          </li>
        );
      })}
    </ol>
  );
}

function OverviewSkeleton() {
  return <div className="grid gap-7" aria-busy="true" aria-label="Loading">{[72, 120, 160].map((height) => <div key={height} className="skeleton" style={{ height }} />)}</div>;
}
