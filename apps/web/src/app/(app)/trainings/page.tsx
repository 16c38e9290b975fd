import { listTrainings } from "@flotilla/fleet";
import type { Metadata } from "next";
import { Page } from "../../../components/ui/page.tsx";
import { trainingListQuery } from "../../../features/training/training-queries.ts";
import { NewTrainingLink, TrainingsView } from "../../../features/training/trainings-view.tsx";
import { Prefetched, prefetchPages } from "../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Trainings" };

export default async function TrainingsPage() {
  const principal = await requirePrincipal();
  const trainings = await prefetchPages(principal, trainingListQuery({ state: null, dataset: null }).queryKey, (tx, p) => listTrainings(tx, p, { limit: 50 }));
  return (
    <Page title="Trainings" actions={<NewTrainingLink />} wide>
      <Prefetched queries={[trainings]}><TrainingsView /></Prefetched>
    </Page>
  );
}
