import { getDataset, listDatasetVersions } from "@flotilla/fleet";
import type { Metadata } from "next";
import { Page } from "../../../../components/ui/page.tsx";
import { datasetQuery, datasetVersionListQuery } from "../../../../features/datasets/dataset-queries.ts";
import { DatasetPageView } from "../../../../features/datasets/dataset-view.tsx";
import { NewDatasetLink } from "../../../../features/datasets/datasets-view.tsx";
import { reader } from "../../../../server/db.ts";
import { pageView } from "../../../../server/page-view.tsx";
import { have, Prefetched, prefetchPages } from "../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata: Metadata = { title: "Dataset" };

export default async function DatasetPage({ params }: { params: Promise<{ id: string }> }) {
  const principal = await requirePrincipal();
  const { id } = await params;
  return pageView(async () => {
    const dataset = await getDataset(reader(), principal, id);
    const versions = await prefetchPages(principal, datasetVersionListQuery(id).queryKey, (tx, p) => listDatasetVersions(tx, p, { datasetId: id, limit: 50 }));
    return (
      <Page title={dataset.name} crumbs={[{ label: "Datasets", href: "/datasets" }]} subtitle={dataset.description || undefined} actions={<NewDatasetLink datasetId={id} />} wide>
        <Prefetched queries={[have(datasetQuery(id).queryKey, dataset), versions]}><DatasetPageView id={id} /></Prefetched>
      </Page>
    );
  });
}
