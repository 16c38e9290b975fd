import type { Metadata } from "next";
import { Page } from "../../../components/ui/page.tsx";
import { FleetsPage } from "../../../features/fleets/fleets-page.tsx";

export const metadata: Metadata = { title: "Fleets" };

export default function FleetsRoute() {
  return <Page title="Fleets" subtitle="Names for label queries over devices"><FleetsPage /></Page>;
}
