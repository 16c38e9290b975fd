"use client";
import Link from "next/link";
import type { Route } from "next";
import { useQuery } from "@tanstack/react-query";
import type { BuildView, RolloutStateName } from "@flotilla/fleet";
import { LinkButton } from "../../components/ui/button.tsx";
import { Card, Facts } from "../../components/ui/card.tsx";
import { CopyButton } from "../../components/ui/copy-button.tsx";
import { Notice } from "../../components/ui/notice.tsx";
import { Page } from "../../components/ui/page.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatBytes, formatNoun } from "../../lib/format.ts";
import { ToneWord } from "../rollouts/tone-word.tsx";
import { rolloutWords } from "../rollouts/words.ts";
import { buildQuery } from "./build-queries.ts";
import { BuildState } from "./build-state.tsx";

const CRUMBS = [{ label: "Builds", href: "/builds" }];

/** One build: what is in it, byte by byte, and where it went. */
export function BuildPage({ id }: { id: string }) {
  const query = useQuery(buildQuery(id));
  return <QueryView query={query} what="The build could not be loaded" loading={<Page title="Build" crumbs={CRUMBS}><Skeleton className="h-48" /></Page>}>{(build) => <BuildBody build={build} />}</QueryView>;
}

function BuildBody({ build }: { build: BuildView }) {
  return (
    <Page
      title={build.name} crumbs={CRUMBS} subtitle={<span className="flex flex-wrap items-center gap-x-2"><BuildState build={build} />made by {build.createdByName} <TimeAgo at={build.createdAt} /></span>}
      actions={<><LinkButton href={`/latency?build=${build.id}` as Route}>Latency</LinkButton>{build.state === "ready" && <LinkButton kind="primary" href={`/rollouts/new?build=${build.id}` as Route}>Roll out</LinkButton>}</>}
    >
      <div className="grid gap-4">
        {build.state === "failed" && <Notice tone="bad" title="The build job failed">{build.failure ?? "No reason was given."}{build.jobId !== null && <> <Link className="underline" href={`/jobs/${build.jobId}` as Route}>Open the job</Link></>}</Notice>}
        {build.state === "pending" && <Notice title="Its manifest is being written">The job checks that every device class computes the same answers.{build.jobId !== null && <> <Link className="underline" href={`/jobs/${build.jobId}` as Route}>Watch the job</Link></>}</Notice>}
        <Card title="Summary">
          <Facts columns={4} items={[
            { label: "Runs on", value: build.runningDevices === 0 ? "no device" : <Link className="underline decoration-line-strong underline-offset-2" href={`/devices?build=${build.id}` as Route}>{formatNoun(build.runningDevices, "device")}</Link> },
            { label: "Threads inside one operator", value: String(build.settings.intraOpThreads) }, { label: "Execution providers", value: build.settings.executionProviders.join(", ") },
            { label: "Variants", value: String(build.variants.length) },
          ]} />
          {build.manifestSha256 !== null && <Digest label="Manifest digest" sha256={build.manifestSha256} />}
        </Card>
        <Variants build={build} />
        <Card title="Rollouts that used it" flush>
          {build.rollouts.length === 0 ? <p className="p-4 text-muted">None yet.</p> : (
            <ul className="divide-y">
              {build.rollouts.map((rollout) => {
                const look = rolloutWords[rollout.state as RolloutStateName] ?? { word: rollout.state, tone: "none" as const };
                return <li key={rollout.id} className="flex items-center gap-3 px-4 py-2"><Link href={`/rollouts/${rollout.id}` as Route} className="min-w-0 truncate font-medium hover:underline">{rollout.name}</Link><span className="ml-auto"><ToneWord tone={look.tone}>{look.word}</ToneWord></span></li>;
              })}
            </ul>
          )}
        </Card>
        {build.manifest !== null && (
          <Card title="Manifest" subtitle="the document whose digest devices attest" actions={<CopyButton text={JSON.stringify(build.manifest, null, 2)} label="Copy JSON" showLabel />}>
            {/* A region that scrolls must be reachable by keyboard. */}
            {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
            <pre tabIndex={0} role="region" aria-label="Manifest as JSON" className="max-h-96 overflow-auto rounded-md bg-sunken p-3 text-xs">{JSON.stringify(build.manifest, null, 2)}</pre>
          </Card>
        )}
      </div>
    </Page>
  );
}

function Variants({ build }: { build: BuildView }) {
  return (
    <Card title="Variants" subtitle="a device takes the first that fits its class and memory" flush>
      <Table caption="Variants">
        <thead><tr><Th>Model version</Th><Th>Device classes</Th><Th numeric>Size</Th><Th numeric>Needs memory</Th><Th>Files</Th></tr></thead>
        <tbody>
          {build.variants.map((variant) => {
            const shipped = build.manifest?.variants.find((candidate) => candidate.versionId === variant.versionId);
            return (
              <Tr key={variant.versionId}>
                <Td className="font-medium">{variant.modelName} v{variant.number}</Td>
                <Td>{variant.classes.length === 0 ? <span className="text-muted">any that fits</span> : variant.classes.join(", ")}</Td>
                <Td numeric className="whitespace-nowrap">{formatBytes(variant.sizeBytes)}</Td>
                <Td numeric className="whitespace-nowrap">{shipped === undefined ? "–" : formatBytes(shipped.requiredMemoryBytes)}</Td>
                <Td>{shipped === undefined ? "–" : shipped.files.map((file) => <span key={file.name} className="flex items-center gap-2"><span className="truncate">{file.name}</span><code className="text-2xs text-muted" title={file.sha256}>{file.sha256.slice(0, 12)}</code><CopyButton text={file.sha256} label={`Copy the digest of ${file.name}`} /></span>)}</Td>
              </Tr>
            );
          })}
        </tbody>
      </Table>
    </Card>
  );
}

function Digest({ label, sha256 }: { label: string; sha256: string }) {
  return <p className="mt-3 flex min-w-0 items-center gap-2 border-t pt-3 text-xs"><span className="shrink-0 text-muted">{label}</span><code className="min-w-0 truncate" title={sha256}>{sha256}</code><CopyButton text={sha256} label={`Copy the ${label.toLowerCase()}`} /></p>;
}
