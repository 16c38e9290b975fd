import type { Metadata } from "next";
import { listSimulations, simulationScenarios } from "@flotilla/fleet";
import { simulationListQuery } from "../../../features/simulator/simulator-queries.ts";
import { SimulatorPage } from "../../../features/simulator/simulator-page.tsx";
import { pageView } from "../../../server/page-view.tsx";
import { Prefetched, prefetch } from "../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Simulator" };

export default async function SimulatorRoute() {
  const principal = await requirePrincipal();
  return pageView(async () => {
    const simulations = await prefetch(principal, simulationListQuery().queryKey, (tx, p) => listSimulations(tx, p, { limit: 100 }));
    return <Prefetched queries={[simulations]}><SimulatorPage scenarios={simulationScenarios} /></Prefetched>;
  });
}
