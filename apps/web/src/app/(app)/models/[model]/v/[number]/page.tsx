import type { Route } from "next";
import { notFound, redirect } from "next/navigation";
import { VersionPage } from "../../../../../../features/models/version-page.tsx";
import { versionQuery } from "../../../../../../features/models/model-queries.ts";
import { textOf } from "../../../../../../features/sign-in/next-path.ts";
import { findVersionByNumber } from "../../../../../../server/find-version.ts";
import { pageView } from "../../../../../../server/page-view.tsx";
import { have, Prefetched } from "../../../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../../../server/session.ts";

export const metadata = { title: "Version" };

export default async function ModelVersionPage({ params, searchParams }: { params: Promise<{ model: string; number: string }>; searchParams: Promise<Record<string, string | string[] | undefined>> }) {
  const principal = await requirePrincipal();
  const { model, number } = await params;
  return pageView(async () => {
    const version = await findVersionByNumber(principal, model, number);
    if (version === null) notFound();
    const tab = textOf((await searchParams)["tab"]);
    if (number !== String(version.number)) redirect(`/models/${version.modelId}/v/${version.number}${tab === "" ? "" : `?tab=${encodeURIComponent(tab)}`}` as Route);
    return (
      <Prefetched queries={[have(versionQuery(version.id).queryKey, version)]}>
        <VersionPage id={version.id} modelId={version.modelId} modelName={version.modelName} number={version.number} />
      </Prefetched>
    );
  });
}
