"use client";
import type { RolloutView } from "@flotilla/fleet";
import { StateBar, StateLegend } from "../../components/charts/state-bar.tsx";
import { formatNoun } from "../../lib/format.ts";
import { blastSentence } from "./blast-radius.ts";
import { deploymentParts } from "./words.ts";

/** How far it has got: in words, as a bar, and state by state. Picking a state filters the deployments below. */
export function BlastPanel({ rollout, picked, onPick }: { rollout: RolloutView; picked: string | null; onPick: (state: string) => void }) {
  const parts = deploymentParts(rollout.counts);
  return (
    <section aria-label="Devices by state" className="grid gap-2">
      <p className="text-ui">{blastSentence(rollout.counts)}</p>
      <StateBar parts={parts} height={18} label="Rollout" />
      <StateLegend parts={parts} picked={picked} onPick={onPick} />
      {rollout.rollbackCounts !== null && <RollbackProgress counts={rollout.rollbackCounts} />}
    </section>
  );
}

function RollbackProgress({ counts }: { counts: NonNullable<RolloutView["rollbackCounts"]> }) {
  const parts = deploymentParts(counts, "rollback");
  const left = counts.total - counts.succeeded - counts.skipped - counts.cancelled - counts.superseded;
  return (
    <div className="mt-1 grid gap-1.5 border-t border-line-strong pt-2">
      <p className="text-ui">
        <span className="font-semibold">Roll back:</span> {counts.succeeded} of {formatNoun(counts.total, "device")} confirmed.{left > 0 && ` ${formatNoun(left, "device is", "devices are")} left${counts.unreachable > 0 ? `, ${counts.unreachable} of them cannot be reached now` : ""}.`}
      </p>
      <StateBar parts={parts} height={12} label="Roll back" />
      <StateLegend parts={parts} />
    </div>
  );
}
