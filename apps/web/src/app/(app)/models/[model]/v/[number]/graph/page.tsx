import { notFound } from "next/navigation";
import { Page } from "../../../../../../../components/ui/page.tsx";
import { GraphPage } from "../../../../../../../features/graph/graph-page.tsx";
import { versionQuery } from "../../../../../../../features/models/model-queries.ts";
import { findVersionByNumber } from "../../../../../../../server/find-version.ts";
import { pageView } from "../../../../../../../server/page-view.tsx";
import { have, Prefetched } from "../../../../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../../../../server/session.ts";

export const metadata = { title: "Graph" };

export default async function ModelGraphPage({ params }: { params: Promise<{ model: string; number: string }> }) {
  const principal = await requirePrincipal();
  const { model, number } = await params;
  return pageView(async () => {
    const version = await findVersionByNumber(principal, model, number);
    if (version === null) notFound();
    const home = `/models/${version.modelId}`;
    return (
      <Page title={`Graph of ${version.modelName} v${version.number}`} crumbs={[{ label: "Models", href: "/models" }, { label: version.modelName, href: home }, { label: `v${version.number}`, href: `${home}/v/${version.number}` }]} wide>
        <Prefetched queries={[have(versionQuery(version.id).queryKey, version)]}><GraphPage versionId={version.id} /></Prefetched>
      </Page>
    );
  });
}
