"use client";
import { useQuery } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import { Hammer, Radar } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { LinkButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatCount, formatNoun } from "../../lib/format.ts";
import { versionUseQuery } from "./model-queries.ts";

/** Builds that hold the version, and devices that attest to run it. */
export function UseTab({ version }: { version: VersionView }) {
  const use = useQuery(versionUseQuery(version.id));
  return (
    <QueryView query={use} loading={<TableSkeleton rows={4} columns={2} />} what="Where it runs could not be loaded">
      {({ builds, devicesByClass, runningDevices }) => (
        <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-2">
          <Card title="Devices" subtitle={runningDevices === 0 ? undefined : formatNoun(runningDevices, "device")} flush>
            {devicesByClass.length === 0 ? (
              <EmptyState icon={<Radar size={18} />} title="No device runs it" className="py-8">A device counts here when it attests the digest of this very file.</EmptyState>
            ) : (
              <Table caption="Devices that run it">
                <thead><tr><Th>Device class</Th><Th numeric>Devices</Th></tr></thead>
                <tbody>{devicesByClass.map((row) => <Tr key={row.className}><Td><Link href={`/devices?class=${row.className}` as Route} className="hover:underline">{row.className}</Link></Td><Td numeric>{formatCount(row.devices)}</Td></Tr>)}</tbody>
              </Table>
            )}
          </Card>
          <Card title="Builds" flush>
            {builds.length === 0 ? (
              <EmptyState icon={<Hammer size={18} />} title="In no build yet" className="py-8" action={version.state === "ready" && <LinkButton href={`/builds/new?version=${version.id}` as Route} kind="primary">Make a build</LinkButton>}>A build is what is rolled out: versions, settings, and a manifest with their digests.</EmptyState>
            ) : (
              <ul>{builds.map((build) => <li key={build.id} className="border-b last:border-b-0"><Link href={`/builds/${build.id}` as Route} className="flex h-8 items-center px-3 hover:bg-hover hover:underline">{build.name}</Link></li>)}</ul>
            )}
          </Card>
        </div>
      )}
    </QueryView>
  );
}
