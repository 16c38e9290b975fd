import type { Metadata } from "next";
import { Page } from "../../../../components/ui/page.tsx";
import { NewDatasetView } from "../../../../features/datasets/new-dataset-view.tsx";
import { textOf } from "../../../../features/sign-in/next-path.ts";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata: Metadata = { title: "New dataset" };

export default async function NewDatasetPage({ searchParams }: { searchParams: Promise<Record<string, string | string[] | undefined>> }) {
  await requirePrincipal();
  const datasetId = textOf((await searchParams)["dataset"]);
  return (
    <Page title="Upload a dataset" crumbs={[{ label: "Datasets", href: "/datasets" }]}>
      <NewDatasetView datasetId={datasetId === "" ? null : datasetId} />
    </Page>
  );
}
