import type { Metadata } from "next";
import { Page } from "../../../../components/ui/page.tsx";
import { NewRolloutPage } from "../../../../features/rollouts/new-rollout-page.tsx";

export const metadata: Metadata = { title: "New rollout" };

export default function NewRolloutRoute() {
  return <Page title="New rollout" crumbs={[{ label: "Rollouts", href: "/rollouts" }]}><NewRolloutPage /></Page>;
}
