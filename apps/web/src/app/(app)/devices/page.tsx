import type { Metadata } from "next";
import { createLoader, type SearchParams } from "nuqs/server";
import { listDevices } from "@flotilla/fleet";
import { Page } from "../../../components/ui/page.tsx";
import { deviceParams, filterOf, listInput } from "../../../features/devices/device-params.ts";
import { deviceListQuery } from "../../../features/devices/device-queries.ts";
import { DevicesPage } from "../../../features/devices/devices-page.tsx";
import { EnrolButton } from "../../../features/devices/enrol-button.tsx";
import { pageView } from "../../../server/page-view.tsx";
import { Prefetched, prefetchPages } from "../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Devices" };
const load = createLoader(deviceParams);

export default async function DevicesRoute({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const principal = await requirePrincipal();
  const filter = filterOf(await load(searchParams));
  return pageView(async () => {
    // A query that cannot be read is told by the page itself, beside the field where it stands.
    const first = filter.query === "" ? [await prefetchPages(principal, deviceListQuery(filter).queryKey, (tx, p) => listDevices(tx, p, { ...listInput(filter), limit: 100 }))] : [];
    return <Page title="Devices" wide actions={<EnrolButton />}><Prefetched queries={first}><DevicesPage /></Prefetched></Page>;
  });
}
