import type { Metadata } from "next";
import { Page } from "../../../components/ui/page.tsx";
import { NewTrainingLink, TrainingsView } from "../../../features/training/trainings-view.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Trainings" };

export default async function TrainingsPage() {
  await requirePrincipal();
  return <Page title="Trainings" actions={<NewTrainingLink />} wide><TrainingsView /></Page>;
}
