import { getTraining } from "@flotilla/fleet";
import { TrainingPage } from "../../../../features/training/training-page.tsx";
import { trainingQuery } from "../../../../features/training/training-queries.ts";
import { pageView } from "../../../../server/page-view.tsx";
import { Prefetched, prefetch } from "../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata = { title: "Training" };

export default async function Training({ params }: { params: Promise<{ id: string }> }) {
  const principal = await requirePrincipal();
  const { id } = await params;
  return pageView(async () => {
    const training = await prefetch(principal, trainingQuery(id).queryKey, (tx, p) => getTraining(tx, p, id));
    return <Prefetched queries={[training]}><TrainingPage id={id} /></Prefetched>;
  });
}
