import type { Metadata } from "next";
import { Page } from "../../../components/ui/page.tsx";
import { DevicesPage } from "../../../features/devices/devices-page.tsx";
import { EnrolButton } from "../../../features/devices/enrol-button.tsx";

export const metadata: Metadata = { title: "Devices" };

export default function DevicesRoute() {
  return <Page title="Devices" wide actions={<EnrolButton />}><DevicesPage /></Page>;
}
