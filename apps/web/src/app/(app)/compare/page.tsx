import type { Metadata } from "next";
import { Page } from "../../../components/ui/page.tsx";
import { ComparePage } from "../../../features/compare/compare-page.tsx";

export const metadata: Metadata = { title: "Compare" };

export default function CompareRoute() {
  return <Page title="Compare versions" crumbs={[{ label: "Models", href: "/models" }]} subtitle="Accuracy, latency and size side by side, only where they were measured alike" wide><ComparePage /></Page>;
}
