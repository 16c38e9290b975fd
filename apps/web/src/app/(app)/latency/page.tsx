import type { Metadata } from "next";
import { Page } from "../../../components/ui/page.tsx";
import { LatencyPage } from "../../../features/latency/latency-page.tsx";

export const metadata: Metadata = { title: "Latency" };

export default function LatencyRoute() {
  return <Page title="Latency" wide><LatencyPage /></Page>;
}
