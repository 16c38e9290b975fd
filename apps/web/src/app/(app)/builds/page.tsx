import type { Metadata, Route } from "next";
import { listBuilds } from "@flotilla/fleet";
import { LinkButton } from "../../../components/ui/button.tsx";
import { Page } from "../../../components/ui/page.tsx";
import { buildListQuery } from "../../../features/builds/build-queries.ts";
import { BuildsPage } from "../../../features/builds/builds-page.tsx";
import { pageView } from "../../../server/page-view.tsx";
import { Prefetched, prefetchPages } from "../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Builds" };

export default async function BuildsRoute() {
  const principal = await requirePrincipal();
  return pageView(async () => {
    const first = await prefetchPages(principal, buildListQuery().queryKey, (tx, p) => listBuilds(tx, p, { limit: 50 }));
    return (
      <Page title="Builds" subtitle="What can be shipped: immutable, named by digest" wide actions={<LinkButton kind="primary" href={"/builds/new" as Route}>New build</LinkButton>}>
        <Prefetched queries={[first]}><BuildsPage /></Prefetched>
      </Page>
    );
  });
}
