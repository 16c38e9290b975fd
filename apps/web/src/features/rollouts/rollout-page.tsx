"use client";
import { useMemo, useState, type ReactNode } from "react";
import Link from "next/link";
import type { Route } from "next";
import { useQuery } from "@tanstack/react-query";
import { parseAsInteger, parseAsStringLiteral, useQueryStates } from "nuqs";
import type { RolloutAction, RolloutView } from "@flotilla/fleet";
import { WaveStrip } from "../../components/charts/wave-strip.tsx";
import { Page } from "../../components/ui/page.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatCount, formatDateTime, formatDuration, formatPercent } from "../../lib/format.ts";
import { useNow } from "../../lib/use-now.ts";
import { ActionBar } from "./action-bar.tsx";
import { BlastPanel } from "./blast-panel.tsx";
import { DeploymentsTable } from "./deployments-table.tsx";
import { EventTimeline } from "./event-timeline.tsx";
import { FailureList } from "./failure-list.tsx";
import { RolloutLatency } from "./rollout-latency.tsx";
import { failureGroupsQuery, rolloutEventsQuery, rolloutQuery } from "./rollout-queries.ts";
import { useRolloutAction } from "./use-rollout-action.ts";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { Verdict } from "./verdict.tsx";
import { actionWords, badCount, deploymentOrder, isOpen, waveSteps } from "./words.ts";

/** One rollout: the verdict and the buttons first, then how far it got, why it failed, and every device. */
export function RolloutPage({ id }: { id: string }) {
  const query = useQuery(rolloutQuery(id));
  return <QueryView query={query} what="The rollout could not be loaded" loading={<Page title="Rollout"><Skeleton className="h-40" /></Page>}>{(rollout) => <RolloutBody rollout={rollout} />}</QueryView>;
}

function RolloutBody({ rollout }: { rollout: RolloutView }) {
  const now = useNow();
  const [dialog, setDialog] = useState<RolloutAction | null>(null);
  const [filter, setFilter] = useQueryStates({ state: parseAsStringLiteral(deploymentOrder), wave: parseAsInteger });
  const failures = useQuery({ ...failureGroupsQuery(rollout.id), enabled: badCount(rollout.counts) > 0 });
  const events = useQuery(rolloutEventsQuery(rollout.id));
  const { state, run } = useRolloutAction(rollout);
  // Stop is cheap: pause acts at once. Everything else asks first, counting devices.
  const press = (action: RolloutAction) => (action === "pause" ? run("pause", {}) : setDialog(action));
  const allowed = (action: RolloutAction) => rollout.actions.some((entry) => entry.action === action && entry.allowed);
  const stop: RolloutAction = allowed("resume") ? "resume" : "pause";
  useShortcuts("Rollout", ([["p", stop], ["a", "approve"], ["b", "rollback"]] as const).filter(([, action]) => allowed(action)).map(([keys, action]) => ({ keys, label: actionWords[action], run: () => press(action) })));
  const steps = useMemo(() => waveSteps(rollout.waves, now), [rollout.waves, now]);
  const onPick = (state: string) => void setFilter({ state: filter.state === state ? null : (deploymentOrder.find((known) => known === state) ?? null) });
  return (
    <Page
      title={rollout.name} crumbs={[{ label: "Rollouts", href: "/rollouts" }]}
      subtitle={<><Link className="text-ink underline decoration-line-strong underline-offset-2" href={`/builds/${rollout.build.id}` as Route}>{rollout.build.name}</Link> to <Link className="text-ink underline decoration-line-strong underline-offset-2" href={`/fleets?fleet=${rollout.fleet.id}` as Route}>{rollout.fleet.name}</Link>, made by {rollout.createdByName} <TimeAgo at={rollout.createdAt} /></>}
    >
    <div className="grid gap-5 max-sm:pb-36">
      <Verdict rollout={rollout} />
      <ActionBar
        rollout={rollout} state={state} dialog={dialog} press={press} close={() => setDialog(null)}
        confirm={(action, input) => { run(action, input); setDialog(null); }}
      />
      <div className="grid gap-x-8 gap-y-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <div className="grid min-w-0 content-start gap-6">
          <Section title="Waves"><WaveStrip waves={steps} /></Section>
          <Section title="Devices"><BlastPanel rollout={rollout} picked={filter.state} onPick={onPick} /></Section>
          {badCount(rollout.counts) > 0 && <Section title="Why devices failed">{failures.data === undefined ? <Waiting failed={failures.isError} /> : <FailureList groups={failures.data.items} />}</Section>}
          <Section title="Latency of this build and the one before"><RolloutLatency rollout={rollout} /></Section>
        </div>
        <aside className="grid content-start gap-6">
          <Section title="What happened"><EventBox>{events.data === undefined ? <Waiting failed={events.isError} /> : <EventTimeline events={events.data.items} />}</EventBox></Section>
          <Section title="Plan"><Plan rollout={rollout} /></Section>
        </aside>
      </div>
      <Section title="Deployments"><DeploymentsTable rolloutId={rollout.id} waves={rollout.waves.length} filter={filter} onFilter={(next) => void setFilter(next)} /></Section>
    </div>
    </Page>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return <section className="grid min-w-0 gap-2"><h2 className="text-ui font-semibold">{title}</h2>{children}</section>;
}

function EventBox({ children }: { children: ReactNode }) {
  // A region that scrolls must be reachable by keyboard.
  // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
  return <div className="relative max-h-96 overflow-auto" tabIndex={0} role="region" aria-label="What happened">{children}</div>;
}

/** A part that is not there yet, or did not come; the rest of the page works on. */
function Waiting({ failed }: { failed: boolean }) {
  return <p className="text-ui text-muted">{failed ? "This part could not be loaded; it is tried again." : "Loading…"}</p>;
}

function Plan({ rollout }: { rollout: RolloutView }) {
  const { policy } = rollout;
  const facts: [string, string][] = [
    ["Waves", rollout.waves.map((wave) => formatPercent(wave.percent)).join(" → ")],
    ["Soaking", rollout.waves.map((wave) => formatDuration(wave.soakSeconds * 1000)).join(", ")],
    ["Halts above", rollout.waves.map((wave) => `${wave.maxFailurePercent} %`).join(", ")],
    ["Judged from", `${policy.minSample} answers`], ["An attempt may take", formatDuration(policy.inProgressTimeoutMs)], ["Attempts", String(policy.maxAttempts)],
    ["Confirmed within", formatDuration(policy.verifyTimeoutMs)], ["Devices at once", policy.maxInFlight === null ? "no limit" : `at most ${formatCount(policy.maxInFlight)}`],
    ["Silence halts after", formatDuration(policy.waveTimeoutMs)], ["Query", rollout.query === "" ? "every device" : rollout.query],
    ...(rollout.startedAt === null ? [] : [["Started", formatDateTime(rollout.startedAt)] as [string, string]]),
    ...(rollout.finishedAt === null || isOpen(rollout.state) ? [] : [["Ended", formatDateTime(rollout.finishedAt)] as [string, string]]),
  ];
  return (
    <dl className="grid gap-1 text-ui tabular-nums">
      {facts.map(([name, value]) => <div key={name} className="flex justify-between gap-4"><dt className="shrink-0 text-muted">{name}</dt><dd className="min-w-0 text-right break-words" suppressHydrationWarning>{value}</dd></div>)}
    </dl>
  );
}
