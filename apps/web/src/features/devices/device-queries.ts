import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { DeviceRow, DeviceSummary, DeviceView, Page, Presence } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";

export type DeviceFilter = { search: string; query: string; presence: Presence | null; className: string | null; buildId: string | null; drift: boolean };

/** Query string of GET /api/v1/devices without page. */
export function deviceSearch(filter: DeviceFilter): URLSearchParams {
  const search = new URLSearchParams();
  if (filter.query !== "") search.set("query", filter.query);
  if (filter.search !== "") search.set("search", filter.search);
  if (filter.presence !== null) search.set("presence", filter.presence);
  if (filter.className !== null) search.set("class", filter.className);
  if (filter.buildId !== null) search.set("build", filter.buildId);
  if (filter.drift) search.set("drift", "true");
  return search;
}

// A sync tells no page: with thousands of devices there would be nothing else to tell. Lists ask again by themselves.
const LIST_REFRESH_MS = 5_000;
/** A list of which many pages are loaded is asked again page by page, so less often. */
const LONG_LIST_REFRESH_MS = 30_000;
const MANY_PAGES = 3;
const SUMMARY_REFRESH_MS = 10_000;

export const deviceListQuery = (filter: DeviceFilter) => infiniteQueryOptions({
  queryKey: ["device", "list", filter],
  queryFn: ({ pageParam, signal }) => {
    const search = deviceSearch(filter);
    search.set("limit", "100");
    if (pageParam !== "") search.set("cursor", pageParam);
    return apiGet<Page<DeviceRow>>(`/devices?${search}`, signal);
  },
  initialPageParam: "", getNextPageParam: (page) => page.nextCursor, placeholderData: keepPreviousData,
  refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > MANY_PAGES ? LONG_LIST_REFRESH_MS : LIST_REFRESH_MS),
});

/** Counts are a slower question than a page of rows, so they are asked apart and may lag. */
export const deviceSummaryQuery = (query: string) => queryOptions({
  queryKey: ["device", "summary", query],
  queryFn: ({ signal }) => apiGet<DeviceSummary>(`/devices/summary${query === "" ? "" : `?query=${encodeURIComponent(query)}`}`, signal),
  placeholderData: keepPreviousData, retry: false, refetchInterval: SUMMARY_REFRESH_MS,
});

export const deviceQuery = (id: string) => queryOptions({
  queryKey: ["device", id],
  queryFn: ({ signal }) => apiGet<DeviceView>(`/devices/${id}`, signal), refetchInterval: LIST_REFRESH_MS,
});
