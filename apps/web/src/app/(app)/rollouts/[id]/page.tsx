import type { Metadata } from "next";
import { getRollout, rolloutEvents } from "@flotilla/fleet";
import { rolloutEventsQuery, rolloutQuery } from "../../../../features/rollouts/rollout-queries.ts";
import { RolloutPage } from "../../../../features/rollouts/rollout-page.tsx";
import { pageView } from "../../../../server/page-view.tsx";
import { Prefetched, prefetch } from "../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata: Metadata = { title: "Rollout" };

export default async function RolloutRoute({ params }: { params: Promise<{ id: string }> }) {
  const principal = await requirePrincipal();
  const { id } = await params;
  return pageView(async () => {
    const queries = await Promise.all([
      prefetch(principal, rolloutQuery(id).queryKey, (tx, p) => getRollout(tx, p, { id })),
      prefetch(principal, rolloutEventsQuery(id).queryKey, (tx, p) => rolloutEvents(tx, p, { rolloutId: id, limit: 100 })),
    ]);
    return <Prefetched queries={queries}><RolloutPage id={id} /></Prefetched>;
  });
}
