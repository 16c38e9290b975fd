import { queryOptions } from "@tanstack/react-query";
import { apiGet } from "../../lib/api-client.ts";
import type { OverviewView } from "./types.ts";

/** Counting takes about a second from here on. */
const MANY_DEVICES = 20_000;

/** Counts of every device stand on it, so it is asked in steady steps and not once per report of a running rollout. */
export const overviewQuery = () => queryOptions({
  queryKey: ["front-page"], queryFn: ({ signal }) => apiGet<OverviewView>("/overview", signal),
  refetchInterval: (query) => ((query.state.data?.all.total ?? 0) > MANY_DEVICES ? 30_000 : 8_000), meta: { topics: ["job", "version", "fleet", "device"] },
});
