import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { FleetPreview, FleetView, Page } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";

/** Every fleet, for choosing one; there are tens, not thousands. */
export const fleetChoicesQuery = () => queryOptions({ queryKey: ["fleet", "choices"], queryFn: ({ signal }) => apiGet<Page<FleetView>>("/fleets?limit=200", signal) });

export const fleetPreviewQuery = (query: string, enabled: boolean) => queryOptions({
  queryKey: ["device", "fleet-preview", query],
  queryFn: ({ signal }) => apiGet<FleetPreview>(`/fleets/preview?query=${encodeURIComponent(query)}`, signal),
  placeholderData: keepPreviousData, retry: false, enabled,
});
