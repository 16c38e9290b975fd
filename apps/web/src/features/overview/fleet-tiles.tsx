import Link from "next/link";
import type { Route } from "next";
import type { DeviceSummary } from "@flotilla/fleet";
import { StateBar } from "../../components/charts/state-bar.tsx";
import { formatCount, formatNoun } from "../../lib/format.ts";
import { presenceParts } from "../devices/presence.ts";
import { SimulatedMark } from "../rollouts/tone-word.tsx";
import type { FleetTile } from "./types.ts";

/** All devices and each fleet: who reports, who does not, and who does not run what it should. */
export function FleetTiles({ all, fleets }: { all: DeviceSummary; fleets: readonly FleetTile[] }) {
  return (
    <ul className="grid grid-cols-[repeat(auto-fill,minmax(15rem,1fr))] gap-3">
      <Tile name="All devices" href={"/devices" as Route} summary={all} query="" />
      {fleets.map(({ fleet, summary }) => <Tile key={fleet.id} name={fleet.name} href={`/devices?query=${encodeURIComponent(fleet.query)}` as Route} summary={summary} query={fleet.query} />)}
    </ul>
  );
}

function Tile({ name, href, summary, query }: { name: string; href: string; summary: DeviceSummary; query: string }) {
  const { byPresence } = summary;
  const simulated = summary.byClass.reduce((sum, entry) => sum + (entry.simulated ? entry.devices : 0), 0);
  const separator = href.includes("?") ? "&" : "?";
  const off = [byPresence.late > 0 ? `${formatCount(byPresence.late)} late` : "", byPresence.silent > 0 ? `${formatCount(byPresence.silent)} silent` : "", byPresence.never > 0 ? `${formatCount(byPresence.never)} never seen` : ""].filter((text) => text !== "");
  return (
    <li className="grid content-start gap-2 rounded-lg border border-line bg-surface p-3.5">
      <div className="flex items-baseline gap-2">
        <Link href={href as Route} className="truncate text-ui font-medium hover:underline" title={query === "" ? name : query}>{name}</Link>
        {simulated > 0 && <SimulatedMark compact={simulated < summary.total} />}
        <span className="ml-auto text-base font-semibold tabular-nums">{formatCount(summary.total)}</span>
      </div>
      <StateBar parts={presenceParts(byPresence)} height={8} label={name} />
      <p className="text-xs text-muted tabular-nums">
        {summary.total === 0 ? (query === "" ? "no device yet" : "no device matches") : <>{formatCount(byPresence.reporting)} reporting{off.length > 0 && `, ${off.join(", ")}`}</>}
        {summary.drift > 0 && <Link href={`${href}${separator}drift=true` as Route} className="block text-warn underline-offset-2 hover:underline">{formatNoun(summary.drift, "device does", "devices do")} not run what {summary.drift === 1 ? "it" : "they"} should</Link>}
      </p>
    </li>
  );
}
