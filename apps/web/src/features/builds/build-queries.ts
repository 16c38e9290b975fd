import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { BuildView, Page } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";
import { readChoices } from "../../lib/choices.ts";

export const buildListQuery = () => infiniteQueryOptions({
  queryKey: ["build", "list"],
  queryFn: ({ pageParam, signal }) => apiGet<Page<BuildView>>(`/builds?limit=50${pageParam === "" ? "" : `&cursor=${pageParam}`}`, signal),
  initialPageParam: "", getNextPageParam: (page) => page.nextCursor,
});

/** Builds to choose from. */
export const buildChoicesQuery = () => queryOptions({ queryKey: ["build", "choices"], queryFn: ({ signal }) => readChoices<BuildView>("/builds", signal) });

export const buildQuery = (id: string) => queryOptions({ queryKey: ["build", id], queryFn: ({ signal }) => apiGet<BuildView>(`/builds/${id}`, signal) });

