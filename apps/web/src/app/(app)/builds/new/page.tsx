import type { Metadata } from "next";
import { Page } from "../../../../components/ui/page.tsx";
import { NewBuildPage } from "../../../../features/builds/new-build-page.tsx";

export const metadata: Metadata = { title: "New build" };

export default function NewBuildRoute() {
  return <Page title="New build" crumbs={[{ label: "Builds", href: "/builds" }]}><NewBuildPage /></Page>;
}
