import { notFound } from "next/navigation";
import { Page } from "../../../../../../../components/ui/page.tsx";
import { versionQuery } from "../../../../../../../features/models/model-queries.ts";
import { RecipeBuilder } from "../../../../../../../features/optimizing/recipe-builder.tsx";
import { findVersionByNumber } from "../../../../../../../server/find-version.ts";
import { pageView } from "../../../../../../../server/page-view.tsx";
import { have, Prefetched } from "../../../../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../../../../server/session.ts";

export const metadata = { title: "Optimize" };

export default async function OptimizePage({ params }: { params: Promise<{ model: string; number: string }> }) {
  const principal = await requirePrincipal();
  const { model, number } = await params;
  return pageView(async () => {
    const version = await findVersionByNumber(principal, model, number);
    if (version === null) notFound();
    const home = `/models/${version.modelId}`;
    return (
      <Page title={`Optimize ${version.modelName} v${version.number}`} crumbs={[{ label: "Models", href: "/models" }, { label: version.modelName, href: home }, { label: `v${version.number}`, href: `${home}/v/${version.number}` }]}>
        <Prefetched queries={[have(versionQuery(version.id).queryKey, version)]}><RecipeBuilder versionId={version.id} /></Prefetched>
      </Page>
    );
  });
}
