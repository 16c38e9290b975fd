import { listPeople } from "@flotilla/fleet";
import type { Metadata } from "next";
import { peopleQuery } from "../../../../features/settings/settings-queries.ts";
import { PeopleView } from "../../../../features/settings/people-view.tsx";
import { Prefetched, prefetchPages } from "../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata: Metadata = { title: "People" };

export default async function PeoplePage() {
  const principal = await requirePrincipal();
  const rows = await prefetchPages(principal, peopleQuery().queryKey, (tx, p) => listPeople(tx, p, { limit: 100 }));
  return <Prefetched queries={[rows]}><PeopleView /></Prefetched>;
}
