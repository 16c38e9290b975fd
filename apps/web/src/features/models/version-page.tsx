"use client";
import { useQuery } from "@tanstack/react-query";
import type { VersionView as Version } from "@flotilla/fleet";
import { GraduationCap, Hammer, Wand } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { Badge } from "../../components/ui/badge.tsx";
import { LinkButton } from "../../components/ui/button.tsx";
import { Page } from "../../components/ui/page.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { versionQuery } from "./model-queries.ts";
import { EvaluateButton } from "../optimizing/evaluate-button.tsx";
import { RecoverButton } from "../training/recover-button.tsx";
import { BenchmarkButton } from "./benchmark-button.tsx";
import { VersionState } from "./version-words.tsx";
import { VersionView } from "./version-view.tsx";

/** The page of a version; its head follows the state. */
export function VersionPage({ id, modelId, modelName, number }: { id: string; modelId: string; modelName: string; number: number }) {
  const { data: version } = useQuery(versionQuery(id));
  return (
    <Page
      title={<span className="flex flex-wrap items-center gap-2">{modelName} v{number}{" "}{version && <VersionState state={version.state} />}{version?.aliases.map((alias) => <Badge key={alias} tone="accent">{alias}</Badge>)}</span>}
      crumbs={[{ label: "Models", href: "/models" }, { label: modelName, href: `/models/${modelId}` }]}
      subtitle={version && <Lineage version={version} />}
      actions={version?.state === "ready" && (
        <>
          <BenchmarkButton versionId={id} />
          <EvaluateButton version={version} />
          <LinkButton href={`/trainings/new?version=${id}` as Route}><GraduationCap size={14} aria-hidden />Fine-tune…</LinkButton>
          <RecoverButton version={version} />
          <LinkButton href={`/models/${modelId}/v/${number}/optimize` as Route}><Wand size={14} aria-hidden />Optimize…</LinkButton>
          {version.offered && <LinkButton href={`/builds/new?version=${id}` as Route} kind="primary"><Hammer size={14} aria-hidden />Make a build</LinkButton>}
        </>
      )}
      wide
    >
      <VersionView id={id} />
    </Page>
  );
}

/** What it was made of, by what and by whom. */
function Lineage({ version }: { version: Version }) {
  const { parentId, trainingId, optimizationId, variantLabel, createdByName, createdAt } = version;
  const link = "text-ink underline underline-offset-2";
  return (
    <>
      {parentId !== null && <>{variantLabel ?? (trainingId === null ? "Variant" : "Trained further, a child")} of <Link href={`/models/-/v/${parentId}` as Route} className={link}>its parent</Link>. </>}
      {trainingId !== null ? <>Came of <Link href={`/trainings/${trainingId}` as Route} className={link}>a training</Link>, started</> : optimizationId === null ? "Uploaded" : "Made"} by {createdByName} <TimeAgo at={createdAt} />
    </>
  );
}
