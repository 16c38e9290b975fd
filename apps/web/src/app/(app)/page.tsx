import { Page } from "../../components/ui/page.tsx";
import { OverviewPage } from "../../features/overview/overview-page.tsx";

export default function OverviewRoute() {
  return <Page title="Overview" wide><OverviewPage /></Page>;
}
