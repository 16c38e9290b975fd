"use client";
import Link from "next/link";
import type { Route } from "next";
import type { RolloutPreview } from "@flotilla/fleet";
import { Notice } from "../../components/ui/notice.tsx";
import { formatCount, formatNoun } from "../../lib/format.ts";

/** The exact count of devices that will be offered the build, and those that will not, with the reason of each group. */
export function PreviewPanel({ preview }: { preview: RolloutPreview }) {
  return (
    <div className="grid gap-2 rounded-lg border border-line-strong px-4 py-3 text-ui">
      <p><strong className="text-base font-semibold tabular-nums">{formatCount(preview.eligible)}</strong> {preview.eligible === 1 ? "device takes" : "devices take"} part{preview.unreachable > 0 && <span className="text-muted">; {formatCount(preview.unreachable)} of them cannot be reached now and get it when they are back</span>}.</p>
      {preview.excluded.length > 0 && (
        <ul className="grid gap-1.5 border-t border-line pt-2">
          {preview.excluded.map((group) => (
            <li key={group.reason + group.sentence}>
              <span className="font-medium tabular-nums">{formatNoun(group.devices, "device")} left out:</span> {group.sentence}{" "}
              <span className="text-muted">(
                {group.sample.map((device, i) => <span key={device.id}>{i > 0 && ", "}<Link href={`/devices/${device.id}` as Route} className="underline decoration-line-strong underline-offset-2">{device.name}</Link></span>)}
                {group.devices > group.sample.length && `, and ${formatCount(group.devices - group.sample.length)} more`})
              </span>
            </li>
          ))}
        </ul>
      )}
      {preview.cautions.length > 0 && <Notice tone="warn" title="To know before you start"><ul className="grid gap-1">{preview.cautions.map(({ sentence }) => <li key={sentence}>{sentence}</li>)}</ul></Notice>}
    </div>
  );
}
