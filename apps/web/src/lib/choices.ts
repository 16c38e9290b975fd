import type { Page } from "@flotilla/fleet";
import { apiGet } from "./api-client.ts";

/** The newest that a list to choose from holds; nobody looks through more. */
export const CHOICES_MAX = 2_000;
/** The most that the API gives at once. */
export const CHOICES_PAGE = 200;

/**
 * Everything of a list that there is to choose from, newest first, page after page. `nextCursor` of what comes back tells that there were more
 * than CHOICES_MAX. Errors as apiGet.
 */
export async function readChoices<T>(path: string, signal: AbortSignal): Promise<Page<T>> {
  const items: T[] = [];
  for (let cursor = ""; ;) {
    const page = await apiGet<Page<T>>(`${path}?limit=${CHOICES_PAGE}${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`, signal);
    items.push(...page.items);
    if (page.nextCursor === null || items.length >= CHOICES_MAX) return { items, nextCursor: page.nextCursor };
    cursor = page.nextCursor;
  }
}
