"use client";
import { columnVisibilityFeature, createColumnHelper, tableFeatures } from "@tanstack/react-table";
import type { DeviceRow } from "@flotilla/fleet";
import Link from "next/link";
import type { Route } from "next";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatCount, formatMs } from "../../lib/format.ts";
import { SimulatedMark } from "../rollouts/tone-word.tsx";
import { toCsv } from "./csv.ts";
import { deviceColumnList, type DeviceColumn } from "./device-column-list.ts";
import { isStale } from "./presence.ts";
import { PresenceWord } from "./presence-word.tsx";

export const deviceFeatures = tableFeatures({ columnVisibilityFeature });
const helper = createColumnHelper<typeof deviceFeatures, DeviceRow>();

/** Cells of the devices table. */
export const deviceColumns = helper.columns([
    helper.display({ id: "name", header: "Device", cell: ({ row }) => <NameCell device={row.original} /> }),
    helper.display({ id: "presence", header: "Presence", cell: ({ row }) => <PresenceWord presence={row.original.presence} /> }),
    helper.display({
      id: "lastSeen", header: "Last seen",
      cell: ({ row }) => <TimeAgo at={row.original.lastSeenAt} className="text-muted" />,
    }),
    helper.display({ id: "build", header: "Build", cell: ({ row }) => <BuildCell device={row.original} /> }),
    helper.display({ id: "phase", header: "Phase", cell: ({ row }) => <span className={row.original.phase === "idle" ? "text-muted" : ""}>{row.original.phase}</span> }),
    helper.display({ id: "class", header: "Class", cell: ({ row }) => row.original.className }),
    helper.display({ id: "p95", header: "p95, 1 h", cell: ({ row }) => <span className={isStale(row.original.presence) ? "text-muted italic" : ""}>{formatMs(row.original.p95Ms)}</span> }),
    helper.display({ id: "errors", header: "Errors, 1 h", cell: ({ row }) => (row.original.errors === null ? "–" : formatCount(row.original.errors)) }),
    helper.display({ id: "labels", header: "Labels", cell: ({ row }) => <LabelsCell labels={row.original.labels} /> }),
]);

function NameCell({ device }: { device: DeviceRow }) {
  return (
    <span className="flex min-w-0 items-center gap-2">
      <Link href={`/devices/${device.id}` as Route} prefetch={false} tabIndex={-1} title={device.name} className="truncate font-medium hover:underline">{device.name}</Link>
      {device.simulated && <SimulatedMark compact />}
      {device.state === "revoked" && <span className="rounded bg-(--state-none) px-1 text-[11px]">revoked</span>}
    </span>
  );
}

/** Actual build; where it is not the wanted one, both, with an arrow from what is to what should be. */
function BuildCell({ device }: { device: DeviceRow }) {
  const actual = device.actualBuild?.name ?? "no model";
  const wanted = device.wantedBuild?.name ?? "no model";
  if (!device.drift) return <span className={`block truncate ${device.actualBuild === null ? "text-muted" : ""}`} title={actual}>{actual}</span>;
  return (
    <span className="flex min-w-0 items-center gap-1" title={`runs ${actual}, should run ${wanted}`}>
      <span className="truncate text-muted">{actual}</span><span aria-hidden="true">→</span><span className="sr-only"> should be </span><span className="truncate font-medium">{wanted}</span>
    </span>
  );
}

function LabelsCell({ labels }: { labels: Record<string, string> }) {
  const text = Object.entries(labels).filter(([key]) => key !== "class" && key !== "arch").map(([key, value]) => `${key}=${value}`).join(", ");
  return <span className="block truncate text-xs text-muted" title={text}>{text}</span>;
}

/** The shown columns of the given rows, with raw numbers and ISO times. */
export function devicesCsv(rows: readonly DeviceRow[], columns: readonly DeviceColumn[]): string {
  const values: Record<DeviceColumn, (row: DeviceRow) => string | number | null> = {
    name: (row) => row.name, presence: (row) => row.presence, lastSeen: (row) => row.lastSeenAt,
    build: (row) => (row.drift ? `${row.actualBuild?.name ?? "no model"} -> ${row.wantedBuild?.name ?? "no model"}` : (row.actualBuild?.name ?? "no model")),
    phase: (row) => row.phase, class: (row) => row.className, p95: (row) => row.p95Ms, errors: (row) => row.errors,
    labels: (row) => Object.entries(row.labels).map(([key, value]) => `${key}=${value}`).join(","),
  };
  const header = ["id", ...columns.map((id) => deviceColumnList.find((column) => column.id === id)?.label ?? id), "simulated"];
  return toCsv(header, rows.map((row) => [row.id, ...columns.map((id) => values[id](row)), String(row.simulated)]));
}
