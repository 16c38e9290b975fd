import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { FleetPreview, FleetView } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";
import { readChoices } from "../../lib/choices.ts";

/** Fleets, to choose from and to look at. */
export const fleetChoicesQuery = () => queryOptions({ queryKey: ["fleet", "choices"], queryFn: ({ signal }) => readChoices<FleetView>("/fleets", signal) });

export const fleetPreviewQuery = (query: string, enabled: boolean) => queryOptions({
  queryKey: ["device", "fleet-preview", query],
  queryFn: ({ signal }) => apiGet<FleetPreview>(`/fleets/preview?query=${encodeURIComponent(query)}`, signal),
  placeholderData: keepPreviousData, retry: false, enabled,
});
