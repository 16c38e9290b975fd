import { listModels } from "@flotilla/fleet";
import type { Metadata } from "next";
import { Page } from "../../../components/ui/page.tsx";
import { modelListQuery } from "../../../features/models/model-queries.ts";
import { ModelsView, UploadLink } from "../../../features/models/models-view.tsx";
import { textOf } from "../../../features/sign-in/next-path.ts";
import { Prefetched, prefetchPages } from "../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Models" };

export default async function ModelsPage({ searchParams }: { searchParams: Promise<Record<string, string | string[] | undefined>> }) {
  const principal = await requirePrincipal();
  const search = textOf((await searchParams)["q"]);
  const models = await prefetchPages(principal, modelListQuery(search).queryKey, (tx, p) => listModels(tx, p, { limit: 50, search }));
  return (
    <Page title="Models" actions={<UploadLink />} wide>
      <Prefetched queries={[models]}><ModelsView /></Prefetched>
    </Page>
  );
}
