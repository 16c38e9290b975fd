"use client";
import Link from "next/link";
import type { Route } from "next";
import type { FailureGroup } from "@flotilla/fleet";
import { formatCount, formatNoun } from "../../lib/format.ts";
import { failureMeaning, failureReasons } from "./failure-reasons.ts";

/** Failures by reason, widest first: how many, where, what it means, and devices to look at. */
export function FailureList({ groups }: { groups: readonly FailureGroup[] }) {
  const reasons = failureReasons(groups);
  if (reasons.length === 0) return <p className="text-ui text-muted">No device failed.</p>;
  return (
    <ul className="grid gap-3">
      {reasons.map((reason) => (
        <li key={`${reason.code}:${reason.detail ?? ""}`} className="min-w-0 border-l-2 border-(--state-bad) pl-3 text-ui">
          <p className="flex flex-wrap items-baseline gap-x-2">
            <strong className="font-semibold tabular-nums">{formatNoun(reason.devices, "device")}</strong><span>{reason.where}</span><code className="text-xs text-muted">{reason.code}</code>
          </p>
          <p className="text-muted">{failureMeaning(reason.code)}</p>
          {reason.detail !== null && reason.detail !== "" && <p className="mt-0.5 font-mono text-xs break-words">{reason.detail}</p>}
          <p className="mt-0.5 text-xs">
            {reason.sample.map((device, i) => (
              <span key={device.deploymentId}>{i > 0 && ", "}<Link href={`/devices/${device.deviceId}` as Route} className="underline decoration-line-strong underline-offset-2 hover:decoration-current">{device.deviceName}</Link></span>
            ))}
            {reason.devices > reason.sample.length && <span className="text-muted"> and {formatCount(reason.devices - reason.sample.length)} more</span>}
          </p>
        </li>
      ))}
    </ul>
  );
}
