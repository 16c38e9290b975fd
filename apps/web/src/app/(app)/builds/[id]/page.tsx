import type { Metadata } from "next";
import { getBuild } from "@flotilla/fleet";
import { BuildPage } from "../../../../features/builds/build-page.tsx";
import { buildQuery } from "../../../../features/builds/build-queries.ts";
import { pageView } from "../../../../server/page-view.tsx";
import { Prefetched, prefetch } from "../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata: Metadata = { title: "Build" };

export default async function BuildRoute({ params }: { params: Promise<{ id: string }> }) {
  const principal = await requirePrincipal();
  const { id } = await params;
  return pageView(async () => {
    const build = await prefetch(principal, buildQuery(id).queryKey, (tx, p) => getBuild(tx, p, id));
    return <Prefetched queries={[build]}><BuildPage id={id} /></Prefetched>;
  });
}
