import { getModel, listVersions } from "@flotilla/fleet";
import { Page } from "../../../../components/ui/page.tsx";
import { modelQuery, versionListQuery } from "../../../../features/models/model-queries.ts";
import { ModelSubtitle, ModelView } from "../../../../features/models/model-view.tsx";
import { UploadVersionLink } from "../../../../features/models/upload-version-link.tsx";
import { reader } from "../../../../server/db.ts";
import { pageView } from "../../../../server/page-view.tsx";
import { have, Prefetched, prefetchPages } from "../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata = { title: "Model" };

export default async function ModelPage({ params }: { params: Promise<{ model: string }> }) {
  const principal = await requirePrincipal();
  const { model: id } = await params;
  return pageView(async () => {
    const [model, versions] = await Promise.all([
      getModel(reader(), principal, id),
      prefetchPages(principal, versionListQuery(id).queryKey, (tx, p) => listVersions(tx, p, { modelId: id, limit: 50 })),
    ]);
    return (
      <Page title={model.name} crumbs={[{ label: "Models", href: "/models" }]} subtitle={<ModelSubtitle model={model} />} actions={<UploadVersionLink modelId={id} kind="primary" />} wide>
        <Prefetched queries={[have(modelQuery(id).queryKey, model), versions]}><ModelView id={id} /></Prefetched>
      </Page>
    );
  });
}
