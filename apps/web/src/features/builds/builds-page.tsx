"use client";
import Link from "next/link";
import type { Route } from "next";
import { useInfiniteQuery } from "@tanstack/react-query";
import { PackageOpen } from "lucide-react";
import type { BuildView } from "@flotilla/fleet";
import { Button, LinkButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatBytes, formatCount, shortDigest } from "../../lib/format.ts";
import { buildListQuery } from "./build-queries.ts";
import { BuildState } from "./build-state.tsx";

/** What can be shipped: each build with what is in it and where it runs. */
export function BuildsPage() {
  const query = useInfiniteQuery(buildListQuery());
  const builds = query.data?.pages.flatMap((page) => page.items);
  if (builds === undefined) return query.isError ? <ErrorState error={query.error} onRetry={() => void query.refetch()} /> : <Card flush><TableSkeleton rows={6} /></Card>;
  if (builds.length === 0) {
    return <EmptyState icon={<PackageOpen size={18} />} title="No build yet" action={<LinkButton kind="primary" href={"/builds/new" as Route}>New build</LinkButton>}>A build is made from a model version: one immutable manifest that names the model files by digest, the device classes that take them, and the runtime settings. It is what rollouts ship.</EmptyState>;
  }
  return (
    <div className="grid gap-3">
      <Card flush>
        <Table caption="Builds">
          <thead><tr><Th>Build</Th><Th>State</Th><Th>Model versions</Th><Th numeric>Size</Th><Th numeric>Runs on</Th><Th>Rollouts</Th><Th>Made</Th><Th><span className="sr-only">Actions</span></Th></tr></thead>
          <tbody>{builds.map((build) => <BuildRow key={build.id} build={build} />)}</tbody>
        </Table>
      </Card>
      {query.hasNextPage && <Button className="justify-self-start" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Load more</Button>}
    </div>
  );
}

function BuildRow({ build }: { build: BuildView }) {
  const size = build.variants.reduce((sum, variant) => sum + variant.sizeBytes, 0);
  return (
    <Tr>
      <Td className="max-w-72"><Link href={`/builds/${build.id}` as Route} className="block truncate font-medium hover:underline">{build.name}</Link>{build.manifestSha256 !== null && <code className="text-2xs text-muted" title={build.manifestSha256}>{shortDigest(build.manifestSha256)}</code>}</Td>
      <Td><BuildState build={build} /></Td>
      <Td className="max-w-64"><span className="block truncate">{build.variants.map((variant) => `${variant.modelName} v${variant.number}`).join(", ")}</span></Td>
      <Td numeric className="whitespace-nowrap">{formatBytes(size)}</Td>
      <Td numeric>{build.runningDevices === 0 ? <span className="text-muted">0</span> : <Link href={`/devices?build=${build.id}` as Route} className="hover:underline">{formatCount(build.runningDevices)}</Link>}</Td>
      <Td className="text-muted">{build.rollouts.length === 0 ? "none" : formatCount(build.rollouts.length)}</Td>
      <Td className="whitespace-nowrap text-muted">{build.createdByName}, <TimeAgo at={build.createdAt} /></Td>
      <Td className="text-right">{build.state === "ready" && <LinkButton size="sm" href={`/rollouts/new?build=${build.id}` as Route}>Roll out</LinkButton>}</Td>
    </Tr>
  );
}
