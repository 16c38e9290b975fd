import type { Metadata } from "next";
import { getDevice } from "@flotilla/fleet";
import { DevicePage } from "../../../../features/devices/device-page.tsx";
import { deviceQuery } from "../../../../features/devices/device-queries.ts";
import { pageView } from "../../../../server/page-view.tsx";
import { Prefetched, prefetch } from "../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata: Metadata = { title: "Device" };

export default async function DeviceRoute({ params }: { params: Promise<{ id: string }> }) {
  const principal = await requirePrincipal();
  const { id } = await params;
  return pageView(async () => {
    const device = await prefetch(principal, deviceQuery(id).queryKey, (tx, p) => getDevice(tx, p, id));
    return <Prefetched queries={[device]}><DevicePage id={id} /></Prefetched>;
  });
}
