import { Page } from "../../components/ui/page.tsx";
import { OverviewPage } from "../../features/overview/overview-page.tsx";
import { overviewQuery } from "../../features/overview/overview-queries.ts";
import { readOverview } from "../../server/api/overview.ts";
import { pageView } from "../../server/page-view.tsx";
import { Prefetched, prefetch } from "../../server/prefetch.tsx";
import { requirePrincipal } from "../../server/session.ts";

export default async function OverviewRoute() {
  const principal = await requirePrincipal();
  return pageView(async () => {
    const overview = await prefetch(principal, overviewQuery().queryKey, readOverview);
    return <Page title="Overview" wide><Prefetched queries={[overview]}><OverviewPage /></Prefetched></Page>;
  });
}
