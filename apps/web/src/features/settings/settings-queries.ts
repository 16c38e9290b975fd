import { infiniteQueryOptions } from "@tanstack/react-query";
import type { ApiKeyView, EnrollmentTokenView, Page, PersonView } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";

function list<T>(name: string, path: string) {
  return infiniteQueryOptions({
    queryKey: ["settings", name],
    queryFn: ({ pageParam, signal }) => apiGet<Page<T>>(`${path}?limit=100${pageParam === "" ? "" : `&cursor=${pageParam}`}`, signal),
    initialPageParam: "", getNextPageParam: (page: Page<T>) => page.nextCursor,
  });
}

export const peopleQuery = () => list<PersonView>("people", "/people");
export const apiKeysQuery = () => list<ApiKeyView>("api-keys", "/api-keys");
export const enrollmentTokensQuery = () => list<EnrollmentTokenView>("enrollment-tokens", "/enrollment-tokens");
