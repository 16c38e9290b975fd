import { listDatasets } from "@flotilla/fleet";
import type { Metadata } from "next";
import { Page } from "../../../components/ui/page.tsx";
import { datasetListQuery } from "../../../features/datasets/dataset-queries.ts";
import { DatasetsView, NewDatasetLink } from "../../../features/datasets/datasets-view.tsx";
import { textOf } from "../../../features/sign-in/next-path.ts";
import { Prefetched, prefetchPages } from "../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Datasets" };

export default async function DatasetsPage({ searchParams }: { searchParams: Promise<Record<string, string | string[] | undefined>> }) {
  const principal = await requirePrincipal();
  const search = textOf((await searchParams)["q"]);
  const datasets = await prefetchPages(principal, datasetListQuery(search).queryKey, (tx, p) => listDatasets(tx, p, { limit: 50, search }));
  return (
    <Page title="Datasets" actions={<NewDatasetLink />} wide>
      <Prefetched queries={[datasets]}><DatasetsView /></Prefetched>
    </Page>
  );
}
