import { getDatasetVersion } from "@flotilla/fleet";
import type { Route } from "next";
import { redirect } from "next/navigation";
import { reader } from "../../../../../../server/db.ts";
import { pageView } from "../../../../../../server/page-view.tsx";
import { requirePrincipal } from "../../../../../../server/session.ts";

/** A dataset version by its id alone, as jobs and numbers name it: to its dataset, with it chosen. */
export default async function DatasetVersionPage({ params }: { params: Promise<{ id: string; version: string }> }) {
  const principal = await requirePrincipal();
  const { version } = await params;
  return pageView(async () => {
    const { datasetId, number } = await getDatasetVersion(reader(), principal, version);
    redirect(`/datasets/${datasetId}?v=${number}` as Route);
  });
}
