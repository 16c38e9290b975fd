import type { Metadata } from "next";
import { Page } from "../../../../components/ui/page.tsx";
import { CompareTrainingsPage } from "../../../../features/training/compare-trainings-page.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata: Metadata = { title: "Compare trainings" };

export default async function CompareTrainingsRoute() {
  await requirePrincipal();
  return <Page title="Compare trainings" crumbs={[{ label: "Trainings", href: "/trainings" }]} wide><CompareTrainingsPage /></Page>;
}
