import Link from "next/link";
import type { Route } from "next";
import type { FleetPreview } from "@flotilla/fleet";
import { formatCount } from "../../lib/format.ts";

/** How many devices a query selects now, of which classes, and a few of them by name. */
export function FleetPreviewPanel({ preview, stale }: { preview: FleetPreview | undefined; stale: boolean }) {
  return (
    <div aria-live="polite" className={`min-h-20 rounded-lg border bg-sunken px-4 py-3 ${stale ? "opacity-60" : ""}`}>
      {preview === undefined ? <p className="text-muted">No count yet.</p> : (
        <div className="grid gap-1.5">
          <p><strong className="text-base font-semibold tabular">{formatCount(preview.devices)}</strong> {preview.devices === 1 ? "device matches" : "devices match"} now</p>
          {preview.byClass.length > 0 && <p className="text-xs text-muted">{preview.byClass.map((entry) => `${formatCount(entry.devices)} ${entry.className}`).join(", ")}</p>}
          {preview.sample.length > 0 && (
            <p className="text-xs text-muted">
              {preview.sample.map((device, i) => <span key={device.id}>{i > 0 && ", "}<Link href={`/devices/${device.id}` as Route} target="_blank" className="underline decoration-line-strong underline-offset-2">{device.name}</Link></span>)}
              {preview.devices > preview.sample.length && `, and ${formatCount(preview.devices - preview.sample.length)} more`}
            </p>
          )}
        </div>
      )}
    </div>
  );
}
