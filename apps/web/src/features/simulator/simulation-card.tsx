"use client";
import { useState } from "react";
import type { Route } from "next";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { SimulationNumbers, SimulationView } from "@flotilla/fleet";
import { Badge } from "../../components/ui/badge.tsx";
import { Button, LinkButton } from "../../components/ui/button.tsx";
import { Card, Facts } from "../../components/ui/card.tsx";
import { ConfirmDialog } from "../../components/ui/confirm-dialog.tsx";
import { ErrorNote, Notice } from "../../components/ui/notice.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { NO_VALUE, formatBytes, formatCount, formatDuration, formatMs, formatNoun } from "../../lib/format.ts";
import { SimulatedMark, ToneWord } from "../rollouts/tone-word.tsx";
import { faultPhrases, stateSentence, stateWords, topErrors } from "./simulation-words.ts";

/** One simulated fleet that runs: its live numbers and what can be done with it. */
export function SimulationCard({ simulation, scenarioTitle, missing, onFaults }: { simulation: SimulationView; scenarioTitle: string; missing: string | undefined; onFaults: () => void }) {
  const client = useQueryClient();
  const [isStopping, setStopping] = useState(false);
  const refresh = () => client.invalidateQueries({ queryKey: ["simulation"] });
  const stop = useMutation({ mutationFn: (reason: string | undefined) => apiSend("POST", `/simulations/${simulation.id}/stop`, reason === undefined ? {} : { reason }), onSuccess: refresh });
  const clear = useMutation({ mutationFn: () => apiSend("POST", `/simulations/${simulation.id}/faults`, { faults: {} }), onSuccess: refresh });
  const restart = useMutation({ mutationFn: () => apiSend("POST", `/simulations/${simulation.id}/start`, {}), onSuccess: refresh });
  const { word, tone } = stateWords[simulation.state];
  const sentence = stateSentence(simulation);
  const faults = faultPhrases(simulation.faults);
  const isWanted = simulation.wanted === "running";
  return (
    <Card
      title={simulation.name}
      subtitle={<span className="inline-flex flex-wrap items-center gap-x-3 gap-y-1"><ToneWord tone={tone}>{word}</ToneWord><span>{scenarioTitle}, {formatNoun(simulation.devices, "device")}, seed {simulation.seed}</span><SimulatedMark /></span>}
      actions={(
        <>
          <LinkButton size="sm" href={`/devices?query=${encodeURIComponent(simulation.query)}` as Route}>Devices</LinkButton>
          {simulation.state === "failed" && <Button size="sm" busy={restart.isPending} disabled={missing !== undefined} title={missing} onClick={() => restart.mutate()}>Start again</Button>}
          <Button size="sm" disabled={missing !== undefined || !isWanted} title={missing} onClick={onFaults}>Faults</Button>
          <Button size="sm" kind="danger" disabled={missing !== undefined || !isWanted} title={missing} onClick={() => setStopping(true)}>Stop</Button>
        </>
      )}
    >
      <div className="grid gap-4">
        {sentence !== null && <Notice tone={simulation.state === "failed" ? "bad" : "info"}>{sentence}</Notice>}
        {faults.length > 0 && (
          <Notice
            tone="warn" title="Faults are injected"
            action={<Button size="sm" busy={clear.isPending} disabled={missing !== undefined} title={missing} onClick={() => clear.mutate()}>Clear faults</Button>}
          >
            <span className="flex flex-wrap gap-1.5">{faults.map((phrase) => <Badge key={phrase} tone="warn">{phrase}</Badge>)}</span>
          </Notice>
        )}
        {(clear.isError || restart.isError) && <ErrorNote>{messageOf(clear.error ?? restart.error)}</ErrorNote>}
        {simulation.numbers === null ? <p className="text-muted">No numbers yet.</p> : <Numbers numbers={simulation.numbers} devices={simulation.devices} />}
      </div>
      <ConfirmDialog open={isStopping} onOpenChange={setStopping} title={`Stop ${simulation.name}?`} action="Stop simulation" onConfirm={(reason) => stop.mutateAsync(reason)}>
        <p>Its {formatNoun(simulation.devices, "device")} fall silent and stay listed. A rollout on them sees what it would see of real devices that went away.</p>
      </ConfirmDialog>
    </Card>
  );
}

function Numbers({ numbers, devices }: { numbers: SimulationNumbers; devices: number }) {
  const { syncLatencyMs, installs, windows, inferences } = numbers;
  const errors = topErrors(numbers.errors);
  return (
    <div className="grid gap-3">
      <Facts
        columns={4} className="grid-cols-2"
        items={[
          { label: "Online", value: `${formatCount(numbers.online)} of ${formatCount(devices)}`, hint: `${formatCount(numbers.enrolled)} enrolled` },
          { label: "Syncs per second", value: numbers.syncsPerSecond < 10 ? numbers.syncsPerSecond.toFixed(1) : formatCount(numbers.syncsPerSecond), hint: `${formatCount(numbers.syncs)} in ${formatDuration(numbers.elapsedMs)}` },
          { label: "Sync latency p50 / p99", value: `${formatMs(syncLatencyMs.p50)} / ${formatMs(syncLatencyMs.p99)}`, hint: "As the devices saw it, their simulated network included" },
          { label: "Errors", value: errors.length === 0 ? "none" : errors.map(({ kind, times }) => `${kind} ${formatCount(times)}`).join(", ") },
          { label: "Installs", value: `${formatCount(installs.succeeded)} good, ${formatCount(installs.failed)} failed, ${formatCount(installs.rolledBack)} went back` },
          { label: "Latency windows", value: `${formatCount(windows.acked)} of ${formatCount(windows.produced)} stored${windows.dropped > 0 ? `, ${formatCount(windows.dropped)} dropped` : ""}`, hint: "Produced = stored by the server + declared dropped + waiting on the devices" },
          { label: "Inference p50 / p99, simulated", value: inferences.count === 0 ? NO_VALUE : `${formatMs(inferences.latencyMs.p50)} / ${formatMs(inferences.latencyMs.p99)}`, hint: `${formatCount(inferences.count)} inferences, ${formatCount(inferences.errors)} failed` },
          { label: "Power cuts", value: formatCount(numbers.crashes) },
        ]}
      />
      <p className="text-xs text-muted tabular">Its simulator process takes {Math.round(numbers.cpuPercent)} % of a core and {formatBytes(numbers.rssBytes)}, for all fleets that it runs.</p>
    </div>
  );
}
