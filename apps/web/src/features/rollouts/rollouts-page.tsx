"use client";
import Link from "next/link";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { RolloutView } from "@flotilla/fleet";
import { StateBar } from "../../components/charts/state-bar.tsx";
import { WaveStrip } from "../../components/charts/wave-strip.tsx";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatDuration, formatNoun } from "../../lib/format.ts";
import { useNow } from "../../lib/use-now.ts";
import { rolloutListQuery } from "./rollout-queries.ts";
import { ToneWord } from "./tone-word.tsx";
import { deploymentParts, isOpen, rolloutWords, waveProgress, waveSteps } from "./words.ts";

/** Rollouts, newest first: state, waves, devices, who and when. */
export function RolloutsPage() {
  const now = useNow();
  const query = useInfiniteQuery(rolloutListQuery());
  const router = useRouter();
  useShortcuts("Rollouts", [{ keys: "n", label: "New rollout", run: () => router.push("/rollouts/new" as Route) }]);
  const rollouts = query.data?.pages.flatMap((page) => page.items);
  if (rollouts === undefined) return query.isError ? <ErrorState error={query.error} onRetry={() => void query.refetch()} /> : <Card flush><TableSkeleton rows={5} /></Card>;
  if (rollouts.length === 0) return <EmptyRollouts />;
  const open = rollouts.filter((rollout) => isOpen(rollout.state));
  const others = rollouts.filter((rollout) => !isOpen(rollout.state));
  return (
    <div className="grid gap-6">
      {open.length > 0 && <RolloutTable title="Under way" rollouts={open} now={now} />}
      {others.length > 0 && <RolloutTable title={open.length > 0 ? "Before" : "All rollouts"} rollouts={others} now={now} />}
      {query.hasNextPage && <Button className="justify-self-start" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Load more</Button>}
    </div>
  );
}

function RolloutTable({ title, rollouts, now }: { title: string; rollouts: readonly RolloutView[]; now: number }) {
  return (
    <section className="grid gap-2">
      <h2 className="text-ui font-semibold">{title}</h2>
      <ul className="divide-y divide-line overflow-hidden rounded-lg border bg-surface shadow-lift">
        {rollouts.map((rollout) => <RolloutLine key={rollout.id} rollout={rollout} now={now} />)}
      </ul>
    </section>
  );
}

/** One rollout in a list; the whole line leads to it. */
export function RolloutLine({ rollout, now }: { rollout: RolloutView; now: number }) {
  const { word, tone } = rolloutWords[rollout.state];
  const progress = waveProgress(rollout.waves);
  const counts = rollout.rollbackCounts ?? rollout.counts;
  const ended = rollout.finishedAt ?? (rollout.state === "draft" ? null : undefined);
  return (
    <li className="@container relative hover:bg-hover has-focus-visible:bg-hover">
      <div className="grid gap-x-6 gap-y-1.5 px-4 py-2.5 @lg:grid-cols-2 @4xl:grid-cols-[minmax(0,2.2fr)_7.5rem_minmax(0,1.4fr)_minmax(0,1.6fr)_8rem] @4xl:items-center">
        <div className="min-w-0">
          <Link href={`/rollouts/${rollout.id}` as Route} className="block truncate font-medium after:absolute after:inset-0">{rollout.name}</Link>
          <p className="truncate text-xs text-muted">{rollout.name === `${rollout.build.name} to ${rollout.fleet.name}` ? (rollout.query === "" ? "every device" : rollout.query) : `${rollout.build.name} to ${rollout.fleet.name}`}</p>
        </div>
        <div className="flex items-center gap-2 @lg:@max-4xl:order-3"><ToneWord tone={tone}>{word}</ToneWord><TimeAgo at={rollout.startedAt ?? rollout.createdAt} className="text-xs text-muted @4xl:hidden" /></div>
        <div className="grid content-start gap-1">
          <WaveStrip compact waves={waveSteps(rollout.waves, now)} />
          <span className="text-xs text-muted tabular">{progress.at === 0 ? formatNoun(progress.of, "wave") : `wave ${progress.at} of ${progress.of}`}</span>
        </div>
        <div className="grid content-start gap-1 @lg:@max-4xl:order-4">
          <StateBar parts={deploymentParts(counts, rollout.rollbackCounts === null ? "forward" : "rollback")} height={10} />
          <span className="truncate text-xs text-muted tabular">{counts.succeeded} of {formatNoun(counts.total - counts.skipped, "device")} {rollout.rollbackCounts === null ? "healthy" : "back"}{badText(counts)}</span>
        </div>
        <div className="text-right text-xs text-muted @max-4xl:hidden">
          <TimeAgo at={rollout.startedAt ?? rollout.createdAt} />
          <span className="block truncate">{ended == null ? rollout.createdByName : `took ${formatDuration(Date.parse(ended) - Date.parse(rollout.startedAt ?? ended))}`}</span>
        </div>
      </div>
    </li>
  );
}

function badText(counts: RolloutView["counts"]): string {
  const bad = counts.failed + counts.rolledBack + counts.timedOut;
  return bad === 0 ? "" : `, ${bad} failed`;
}

function EmptyRollouts() {
  return (
    <div className="mx-auto grid max-w-xl justify-items-center gap-4 py-14 text-center">
      <div className="w-full text-left" aria-hidden="true">
        <WaveStrip waves={[
          { position: 0, percent: 10, state: "passed", total: 2, succeeded: 2, failed: 0 }, { position: 1, percent: 50, state: "active", total: 10, succeeded: 6, failed: 0 }, { position: 2, percent: 100, state: "pending", total: 12, succeeded: 0, failed: 0 },
        ]} />
      </div>
      <h2 className="text-base font-semibold">No rollout yet</h2>
      <p className="text-ui text-pretty text-muted">A rollout takes a build to a fleet in waves: first a few devices, then more, then all. Between the waves it waits and watches; when more devices fail than a wave allows, it halts by itself and touches nobody else.</p>
      <Link href={"/rollouts/new" as Route} className="inline-flex h-9 items-center rounded-md bg-accent px-4 text-ui font-medium text-accent-ink">New rollout</Link>
    </div>
  );
}
