import "server-only";
import { dehydrate, HydrationBoundary, QueryClient, type QueryKey } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Tx } from "@flotilla/db";
import type { Page, Principal } from "@flotilla/fleet";
import { CHOICES_PAGE } from "../lib/choices.ts";
import { reader } from "./db.ts";

type Read<T> = (tx: Tx, principal: Principal) => Promise<T>;

/** One query that the page will ask for, answered on the server by the same domain function that the API calls. */
export type Prefetch = { key: QueryKey; data: unknown };

/** Reads for a plain query. A page that must 404 reads first by itself and hands the result to `have`. */
export async function prefetch<T>(principal: Principal, key: QueryKey, read: Read<T>): Promise<Prefetch> {
  return { key, data: await read(reader(), principal) };
}

/** Reads the first page of an infinite query; `initialPageParam` is what its options say. */
export async function prefetchPages<T>(principal: Principal, key: QueryKey, read: Read<Page<T>>, initialPageParam: unknown = ""): Promise<Prefetch> {
  return { key, data: { pages: [await read(reader(), principal)], pageParams: [initialPageParam] } };
}

/** Reads a list to choose from where one page holds all of it; a longer one is the browser's to read, page after page. */
export async function prefetchChoices<T>(principal: Principal, key: QueryKey, read: (tx: Tx, principal: Principal, page: { limit: number }) => Promise<Page<T>>): Promise<Prefetch[]> {
  const data = await read(reader(), principal, { limit: CHOICES_PAGE });
  return data.nextCursor === null ? [{ key, data }] : [];
}

/** For what was read already. */
export function have(key: QueryKey, data: unknown): Prefetch {
  return { key, data };
}

/** Hands what was read on the server to the queries of the page, so that it shows at once and is live afterwards. */
export function Prefetched({ queries, children }: { queries: readonly Prefetch[]; children: ReactNode }) {
  const client = new QueryClient();
  for (const { key, data } of queries) client.setQueryData(key, data);
  return <HydrationBoundary state={dehydrate(client)}>{children}</HydrationBoundary>;
}
