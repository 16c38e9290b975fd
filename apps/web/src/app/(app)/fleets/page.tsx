import type { Metadata } from "next";
import { FleetsPage } from "../../../features/fleets/fleets-page.tsx";

export const metadata: Metadata = { title: "Fleets" };

export default function FleetsRoute() {
  return <FleetsPage />;
}
