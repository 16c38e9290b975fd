"use client";
import type { ReactNode } from "react";
import Link from "next/link";
import type { Route } from "next";
import { useQueries } from "@tanstack/react-query";
import type { DeviceView } from "@flotilla/fleet";
import { CopyButton } from "../../components/ui/copy-button.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatBytes, formatCount, formatDateTime, shortDigest } from "../../lib/format.ts";
import { buildQuery } from "../builds/build-queries.ts";
import { isStale } from "./presence.ts";

/** Wanted, actual, since when, and why they differ: the first thing to know about a device. */
export function WantedActual({ device }: { device: DeviceView }) {
  const stale = isStale(device.presence);
  return (
    <section aria-label="Wanted and actual build" className="overflow-hidden rounded-lg border bg-surface shadow-lift">
      <div className="grid sm:grid-cols-2">
        <Side title="Should run" build={device.wantedBuild} since={device.wantedSince} />
        <div className={`border-t sm:border-t-0 sm:border-l ${stale ? "chart-hatched" : ""}`}>
          <Side title={stale ? "Ran when last seen" : "Runs"} build={device.actualBuild} since={device.actualSince}>
            {device.runningSha256 !== null && <span className="flex items-center gap-1 text-xs text-muted">attests the digest <code title={device.runningSha256}>{shortDigest(device.runningSha256)}</code><CopyButton text={device.runningSha256} label="Copy the digest" /></span>}
          </Side>
        </div>
      </div>
      <p className={`border-t px-4 py-2 text-pretty ${device.drift ? "bg-warn-soft font-medium" : "text-muted"}`}>
        {device.whyNot ?? (device.wantedBuild === null && device.actualBuild === null ? "No rollout has given it a build yet." : "It runs what it should.")}
        {device.phase !== "idle" && device.phase !== "" && <span className="font-normal text-muted"> Phase: {device.phase}{device.phaseDetail !== null && `, ${device.phaseDetail}`}.</span>}
      </p>
    </section>
  );
}

function Side({ title, build, since, children }: { title: string; build: { id: string; name: string } | null; since: string | null; children?: ReactNode }) {
  return (
    <div className="grid content-start gap-0.5 px-4 py-3">
      <span className="text-xs text-muted">{title}</span>
      {build === null ? <span className="text-base text-muted">no model</span> : <Link href={`/builds/${build.id}` as Route} className="truncate text-base font-semibold hover:underline">{build.name}</Link>}
      {since !== null && <span className="text-xs text-muted">since <TimeAgo at={since} /></span>}
      {children}
    </div>
  );
}

type Item = { label: string; value: ReactNode; hint?: string };

/** What the device is: its class decides which variant fits and which numbers compare. */
export function classFacts(device: DeviceView): Item[] {
  return [
    { label: "Class", value: device.className }, { label: "Architecture", value: device.arch }, { label: "Instruction sets", value: device.class.isa.join(", ") || "none named" },
    { label: "Runtime", value: `${device.class.runtime.name} ${device.class.runtime.version}` }, { label: "Execution provider", value: device.class.executionProvider }, { label: "Memory", value: formatBytes(device.class.memoryBytes) },
    { label: "Agent", value: device.agentVersion === "" ? "–" : device.agentVersion }, { label: "Enrolled", value: <span suppressHydrationWarning>{formatDateTime(device.enrolledAt)}</span> },
    { label: "Telemetry stored", value: `${formatCount(device.telemetry.storedWindows)} windows`, hint: "Produced = stored + declared lost, exactly" },
    { label: "Telemetry declared lost", value: `${formatCount(device.telemetry.droppedWindows)} windows`, hint: "The device's queue was full; it says which windows it dropped" },
  ];
}

/** What it has left, as it said last. */
export function resourceFacts(resources: NonNullable<DeviceView["resources"]>): Item[] {
  return [
    { label: "Agent memory", value: formatBytes(resources.rssBytes) }, { label: "Free memory", value: formatBytes(resources.freeMemoryBytes) }, { label: "Free disk", value: formatBytes(resources.freeDiskBytes) },
    { label: "Windows queued on disk", value: formatCount(resources.queuedWindows) }, { label: "Temperature", value: resources.temperatureC === null ? "no sensor" : `${resources.temperatureC.toFixed(1)} °C` },
  ];
}

const SLOT_WORDS = { empty: "empty", partial: "download unfinished", ready: "ready to go back to", active: "running", bad: "failed here, not tried again by itself" } as const;

/** The two slots: what runs, and what it can go back to without a download. */
export function Slots({ device }: { device: DeviceView }) {
  const known = [device.wantedBuild, device.actualBuild].filter((build) => build !== null);
  const others = new Set(device.slots.flatMap(({ buildId }) => (buildId === null || known.some(({ id }) => id === buildId) ? [] : [buildId])));
  const builds = useQueries({ queries: [...others].map((id) => buildQuery(id)) });
  if (device.slots.length === 0) return <p className="text-muted">It has not reported its slots yet.</p>;
  const names = new Map([...builds.flatMap(({ data }) => data ?? []), ...known].map((build) => [build.id, build.name]));
  return (
    <ul className="grid gap-2 sm:grid-cols-2">
      {device.slots.map((slot) => (
        <li key={slot.slot} className={`min-w-0 rounded-md border px-3 py-2 ${slot.state === "active" ? "border-accent" : ""}`}>
          <div className="flex justify-between gap-2"><span className="font-medium">Slot {slot.slot.toUpperCase()}</span><span className={`text-right ${slot.state === "bad" ? "text-bad" : "text-muted"}`}>{SLOT_WORDS[slot.state]}</span></div>
          <div className="truncate">{slot.buildId === null ? <span className="text-muted">no build</span> : <Link href={`/builds/${slot.buildId}` as Route} className="hover:underline">{names.get(slot.buildId) ?? slot.buildId}</Link>}</div>
        </li>
      ))}
    </ul>
  );
}
