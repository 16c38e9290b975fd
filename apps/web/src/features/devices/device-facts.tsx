"use client";
import type { DeviceView } from "@flotilla/fleet";
import type { ReactNode } from "react";
import Link from "next/link";
import { formatBytes, formatCount, formatDateTime, formatDuration, formatRelative, shortDigest } from "../../lib/format.ts";
import { isStale } from "./presence.ts";

/** Wanted, actual, since when, and why they differ: the first thing to know about a device. */
export function WantedActual({ device, now }: { device: DeviceView; now: number }) {
  const stale = isStale(device.presence);
  return (
    <section aria-label="Wanted and actual build" className="overflow-hidden rounded-lg border border-line-strong">
      <div className="grid sm:grid-cols-2">
        <Side title="Should run" build={device.wantedBuild} none="no model" since={device.wantedSince} now={now} />
        <div className={`border-t border-line-strong sm:border-t-0 sm:border-l ${stale ? "chart-hatched" : ""}`}>
          <Side title={stale ? "Ran when last seen" : "Runs"} build={device.actualBuild} none="no model" since={device.actualSince} now={now}>
            {device.runningSha256 !== null && <span className="text-xs text-muted">attested digest <code title={device.runningSha256}>{shortDigest(device.runningSha256)}</code></span>}
          </Side>
        </div>
      </div>
      <p className={`border-t border-line-strong px-4 py-2 text-ui ${device.drift ? "font-medium" : "text-muted"}`}>
        {device.whyNot ?? "It runs what it should."}
        {device.phase !== "idle" && device.phase !== "" && <span className="font-normal text-muted"> Phase: {device.phase}{device.phaseDetail !== null && `, ${device.phaseDetail}`}.</span>}
      </p>
    </section>
  );
}

function Side({ title, build, none, since, now, children }: { title: string; build: { id: string; name: string } | null; none: string; since: string | null; now: number; children?: ReactNode }) {
  return (
    <div className="grid gap-0.5 px-4 py-3">
      <span className="text-xs text-muted">{title}</span>
      {build === null ? <span className="text-base text-muted">{none}</span> : <Link href={`/builds/${build.id}`} className="truncate text-base font-semibold hover:underline">{build.name}</Link>}
      <span className="text-xs text-muted">{since === null ? "since never set" : <>since <time dateTime={since} title={formatDateTime(since)}>{formatDateTime(since)}</time> ({formatDuration(now - Date.parse(since))})</>}</span>
      {children}
    </div>
  );
}

/** Name and value pairs, two columns on wide screens. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="grid gap-x-6 gap-y-1 text-ui tabular-nums sm:grid-cols-2">
      {facts.map(([name, value]) => (
        <div key={name} className="flex min-w-0 justify-between gap-3 border-b border-line py-1"><dt className="shrink-0 text-muted">{name}</dt><dd className="min-w-0 truncate text-right">{value}</dd></div>
      ))}
    </dl>
  );
}

/** What the device is: its class decides which variant fits and which numbers compare. */
export function classFacts(device: DeviceView): [string, ReactNode][] {
  return [
    ["Class", device.className], ["Architecture", device.arch], ["Instruction sets", device.class.isa.join(", ") || "–"],
    ["Runtime", `${device.class.runtime.name} ${device.class.runtime.version}`], ["Execution provider", device.class.executionProvider], ["Memory", formatBytes(device.class.memoryBytes)],
    ["Agent", device.agentVersion === "" ? "–" : device.agentVersion], ["Enrolled", formatDateTime(device.enrolledAt)],
    ["Telemetry windows stored", formatCount(device.telemetry.storedWindows)], ["Declared lost", formatCount(device.telemetry.droppedWindows)],
  ];
}

/** What it has left; with its age, and hatched when that is old. */
export function Resources({ device, now }: { device: DeviceView; now: number }) {
  const { resources } = device;
  if (resources === null) return <p className="text-ui text-muted">It has not reported yet.</p>;
  const facts: [string, string][] = [
    ["Agent memory", formatBytes(resources.rssBytes)], ["Free memory", formatBytes(resources.freeMemoryBytes)], ["Free disk", formatBytes(resources.freeDiskBytes)],
    ["Windows queued on disk", formatCount(resources.queuedWindows)], ["Temperature", resources.temperatureC === null ? "no sensor" : `${resources.temperatureC.toFixed(1)} °C`],
  ];
  return (
    <div className={isStale(device.presence) ? "chart-hatched rounded-md p-2" : ""}>
      {isStale(device.presence) && <p className="mb-1 text-xs text-muted">From its last report, {formatRelative(device.lastSeenAt, now)}.</p>}
      <Facts facts={facts} />
    </div>
  );
}

const SLOT_WORDS = { empty: "empty", partial: "download unfinished", ready: "ready to return to", active: "running", bad: "failed here, not tried again by itself" } as const;

/** The two slots: what runs, and what it can go back to without a download. */
export function Slots({ device, names }: { device: DeviceView; names: ReadonlyMap<string, string> }) {
  if (device.slots.length === 0) return <p className="text-ui text-muted">It has not reported its slots yet.</p>;
  return (
    <ul className="grid gap-2 sm:grid-cols-2">
      {device.slots.map((slot) => (
        <li key={slot.slot} className={`rounded-md border px-3 py-2 text-ui ${slot.state === "active" ? "border-accent" : "border-line-strong"}`}>
          <div className="flex justify-between gap-2"><span className="font-medium">Slot {slot.slot.toUpperCase()}</span><span className={slot.state === "bad" ? "text-bad" : "text-muted"}>{SLOT_WORDS[slot.state]}</span></div>
          <div className="truncate">{slot.buildId === null ? <span className="text-muted">no build</span> : <Link href={`/builds/${slot.buildId}`} className="hover:underline">{names.get(slot.buildId) ?? slot.buildId}</Link>}</div>
        </li>
      ))}
    </ul>
  );
}
