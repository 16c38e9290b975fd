import type { Metadata } from "next";
import { Page } from "../../../../components/ui/page.tsx";
import { NewTrainingView } from "../../../../features/training/new-training-view.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata: Metadata = { title: "New training" };

export default async function NewTrainingPage() {
  await requirePrincipal();
  return <Page title="New training" crumbs={[{ label: "Trainings", href: "/trainings" }]}><NewTrainingView /></Page>;
}
