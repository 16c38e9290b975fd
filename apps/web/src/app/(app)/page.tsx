import { Page } from "../../components/ui/page.tsx";
import { OverviewPage } from "../../features/overview/overview-page.tsx";

/** Not read on the server first: with many devices its counts take longer than a page may stay blank. */
export default function OverviewRoute() {
  return <Page title="Overview" wide><OverviewPage /></Page>;
}
