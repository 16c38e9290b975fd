import type { Metadata } from "next";
import { listFleets } from "@flotilla/fleet";
import { fleetChoicesQuery } from "../../../features/fleets/fleet-queries.ts";
import { FleetsPage } from "../../../features/fleets/fleets-page.tsx";
import { pageView } from "../../../server/page-view.tsx";
import { Prefetched, prefetchChoices } from "../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Fleets" };

export default async function FleetsRoute() {
  const principal = await requirePrincipal();
  return pageView(async () => {
    const fleets = await prefetchChoices(principal, fleetChoicesQuery().queryKey, listFleets);
    return <Prefetched queries={fleets}><FleetsPage /></Prefetched>;
  });
}
