"use client";
import { useState } from "react";
import Link from "next/link";
import type { Route } from "next";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Pin, PinOff, ShieldOff } from "lucide-react";
import type { DeviceView } from "@flotilla/fleet";
import { Badge } from "../../components/ui/badge.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Card, Facts } from "../../components/ui/card.tsx";
import { ConfirmDialog } from "../../components/ui/confirm-dialog.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { Page } from "../../components/ui/page.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { SimulatedMark } from "../rollouts/tone-word.tsx";
import { classFacts, resourceFacts, Slots, WantedActual } from "./device-facts.tsx";
import { DeviceHistory } from "./device-history.tsx";
import { DeviceLabels } from "./device-labels.tsx";
import { DeviceLatency } from "./device-latency.tsx";
import { deviceQuery } from "./device-queries.ts";
import { KeyChangeNotice } from "./key-change-notice.tsx";
import { isStale } from "./presence.ts";
import { PresenceWord } from "./presence-word.tsx";

const CRUMBS = [{ label: "Devices", href: "/devices" }];

/** Why does this one misbehave? Wanted, actual, why not; then what it has, how fast it is, and what was tried on it. */
export function DevicePage({ id }: { id: string }) {
  const query = useQuery(deviceQuery(id));
  return <QueryView query={query} what="The device could not be loaded" loading={<Page title="Device" crumbs={CRUMBS}><Skeleton className="h-48" /></Page>}>{(device) => <DeviceBody device={device} />}</QueryView>;
}

function DeviceBody({ device }: { device: DeviceView }) {
  const client = useQueryClient();
  const [revoking, setRevoking] = useState(false);
  const take = (fresh: DeviceView) => client.setQueryData(deviceQuery(device.id).queryKey, fresh);
  const pin = useMutation({ mutationFn: (pinned: boolean) => apiSend<DeviceView>("PATCH", `/devices/${device.id}`, { pinned }), onSuccess: take });
  const stale = isStale(device.presence);
  return (
    <Page
      title={<span className="inline-flex flex-wrap items-center gap-x-2.5">{device.name}{device.simulated && <SimulatedMark />}{device.state === "revoked" && <Badge tone="bad">revoked</Badge>}</span>} crumbs={CRUMBS}
      subtitle={<span className="flex flex-wrap items-center gap-x-3"><PresenceWord presence={device.presence} /><span>last seen <TimeAgo at={device.lastSeenAt} /></span><span>{device.className}, {device.arch}</span><code className="text-2xs">{device.id}</code></span>}
      actions={
        <>
          <Button busy={pin.isPending} onClick={() => pin.mutate(!device.pinned)} title="A pinned device keeps its latency by the minute">{device.pinned ? <PinOff size={14} aria-hidden /> : <Pin size={14} aria-hidden />}{device.pinned ? "Unpin" : "Pin"}</Button>
          <Button kind="danger" disabled={device.state === "revoked"} title={device.state === "revoked" ? "Its credential is withdrawn already" : undefined} onClick={() => setRevoking(true)}><ShieldOff size={14} aria-hidden />Revoke</Button>
        </>
      }
    >
      <div className="grid gap-4">
        {pin.isError && <ErrorNote>{messageOf(pin.error)}</ErrorNote>}
        {device.keyChange !== null && <KeyChangeNotice device={device} onDecided={take} />}
        <WantedActual device={device} />
        <div className="grid gap-4 lg:grid-cols-2">
          <Card title="Slots" subtitle="what runs, and what it can go back to at once"><Slots device={device} /></Card>
          <Card title="Resources" subtitle={stale ? <>from its last report, <TimeAgo at={device.lastSeenAt} /></> : undefined} className={stale ? "chart-hatched" : ""}>{device.resources === null ? <p className="text-muted">It has not reported yet.</p> : <Facts columns={3} items={resourceFacts(device.resources)} />}</Card>
        </div>
        <Card title="Latency" subtitle="this device against its class, same hours" actions={<Link className="text-xs text-muted hover:text-ink" href={`/latency?device=${device.id}` as Route}>Open in Latency</Link>}><DeviceLatency device={device} /></Card>
        <div className="grid gap-4 lg:grid-cols-2">
          <Card title="Labels" subtitle="fleets are queries over these"><DeviceLabels key={JSON.stringify(device.labels)} device={device} onSaved={take} /></Card>
          <Card title="What it is"><Facts columns={2} items={classFacts(device)} /></Card>
        </div>
        <Card title="Deployments" flush><DeviceHistory deployments={device.deployments} /></Card>
      </div>
      <ConfirmDialog
        open={revoking} onOpenChange={setRevoking} title={`Revoke ${device.name}?`} action="Revoke device" asksReason
        onConfirm={async (reason) => take(await apiSend<DeviceView>("POST", `/devices/${device.id}/revoke`, reason === undefined ? {} : { reason }))}
      >
        <p>Its credential stops working within two seconds: it cannot report or receive anything any more. It keeps running the model it has. To come back it must be enrolled again with its key approved by an admin.</p>
      </ConfirmDialog>
    </Page>
  );
}
