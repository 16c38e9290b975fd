import type { Metadata, Route } from "next";
import { listRollouts } from "@flotilla/fleet";
import { LinkButton } from "../../../components/ui/button.tsx";
import { Page } from "../../../components/ui/page.tsx";
import { rolloutListQuery } from "../../../features/rollouts/rollout-queries.ts";
import { RolloutsPage } from "../../../features/rollouts/rollouts-page.tsx";
import { pageView } from "../../../server/page-view.tsx";
import { Prefetched, prefetchPages } from "../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Rollouts" };

export default async function RolloutsRoute() {
  const principal = await requirePrincipal();
  return pageView(async () => {
    const first = await prefetchPages(principal, rolloutListQuery().queryKey, (tx, p) => listRollouts(tx, p, { limit: 50 }));
    return (
      <Page title="Rollouts" wide actions={<LinkButton kind="primary" href={"/rollouts/new" as Route}>New rollout</LinkButton>}>
        <Prefetched queries={[first]}><RolloutsPage /></Prefetched>
      </Page>
    );
  });
}
