import type { Metadata } from "next";
import { listBuilds, listFleets } from "@flotilla/fleet";
import { Page } from "../../../../components/ui/page.tsx";
import { buildChoicesQuery } from "../../../../features/builds/build-queries.ts";
import { fleetChoicesQuery } from "../../../../features/fleets/fleet-queries.ts";
import { NewRolloutPage } from "../../../../features/rollouts/new-rollout-page.tsx";
import { pageView } from "../../../../server/page-view.tsx";
import { Prefetched, prefetchChoices } from "../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata: Metadata = { title: "New rollout" };

export default async function NewRolloutRoute() {
  const principal = await requirePrincipal();
  return pageView(async () => {
    const queries = await Promise.all([
      prefetchChoices(principal, buildChoicesQuery().queryKey, listBuilds),
      prefetchChoices(principal, fleetChoicesQuery().queryKey, listFleets),
    ]);
    return <Page title="New rollout" crumbs={[{ label: "Rollouts", href: "/rollouts" }]}><Prefetched queries={queries.flat()}><NewRolloutPage /></Prefetched></Page>;
  });
}
