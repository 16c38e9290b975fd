import { queryOptions } from "@tanstack/react-query";
import type { SimulationPage } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";

/** Simulators report every two seconds; their reports are also announced, so this is for a page without its stream. */
const REFRESH_MS = 5_000;

/** The simulated fleets, newest first; there are tens. */
export const simulationListQuery = () => queryOptions({
  queryKey: ["simulation", "list"], queryFn: ({ signal }) => apiGet<SimulationPage>("/simulations?limit=100", signal), refetchInterval: REFRESH_MS,
});
