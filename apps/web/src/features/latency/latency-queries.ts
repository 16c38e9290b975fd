import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { LatencyAnswer, LatencyGroupBy } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";
import { latencySearch, type LatencyFilters } from "./latency-params.ts";
import { stepFor } from "./time-range.ts";

/** A window that moves with the clock is asked for by its length, so that its key stays the same while it moves. */
export type LatencyWindow = { kind: "relative"; ms: number } | { kind: "fixed"; fromMs: number; toMs: number };

const LIVE_REFRESH_MS = 10_000;

/** One answer of GET /api/v1/latency. A moving window is asked again every ten seconds; a fixed one stands still. */
export const latencyQuery = (input: { filters: LatencyFilters; window: LatencyWindow; groupBy: LatencyGroupBy }) => queryOptions({
  queryKey: ["latency", input],
  queryFn: ({ signal }) => {
    const now = Date.now();
    const range = input.window.kind === "fixed" ? input.window : { fromMs: now - input.window.ms, toMs: now };
    const search = latencySearch({ ...range, filters: input.filters, stepSeconds: stepFor(range, now), groupBy: input.groupBy });
    return apiGet<LatencyAnswer>(`/latency?${search}`, signal);
  },
  refetchInterval: input.window.kind === "relative" ? LIVE_REFRESH_MS : false,
  placeholderData: keepPreviousData,
});
