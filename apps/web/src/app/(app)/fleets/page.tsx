import type { Metadata } from "next";
import { listFleets } from "@flotilla/fleet";
import { fleetChoicesQuery } from "../../../features/fleets/fleet-queries.ts";
import { FleetsPage } from "../../../features/fleets/fleets-page.tsx";
import { pageView } from "../../../server/page-view.tsx";
import { Prefetched, prefetch } from "../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Fleets" };

export default async function FleetsRoute() {
  const principal = await requirePrincipal();
  return pageView(async () => {
    const fleets = await prefetch(principal, fleetChoicesQuery().queryKey, (tx, p) => listFleets(tx, p, { limit: 200 }));
    return <Prefetched queries={[fleets]}><FleetsPage /></Prefetched>;
  });
}
