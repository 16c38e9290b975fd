import type { Metadata } from "next";
import { Page } from "../../../components/ui/page.tsx";
import { ComparePage } from "../../../features/compare/compare-page.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Compare" };

export default async function CompareRoute() {
  await requirePrincipal();
  return <Page title="Compare versions" crumbs={[{ label: "Models", href: "/models" }]} wide><ComparePage /></Page>;
}
