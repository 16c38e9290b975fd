import { listJobs } from "@flotilla/fleet";
import type { Metadata } from "next";
import { Page } from "../../../components/ui/page.tsx";
import { jobListQuery } from "../../../features/jobs/job-queries.ts";
import { JobsView } from "../../../features/jobs/jobs-view.tsx";
import { Prefetched, prefetchPages } from "../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../server/session.ts";

export const metadata: Metadata = { title: "Jobs" };

export default async function JobsPage() {
  const principal = await requirePrincipal();
  const jobs = await prefetchPages(principal, jobListQuery({ state: null, kind: null }).queryKey, (tx, p) => listJobs(tx, p, { limit: 50 }));
  return (
    <Page title="Jobs" wide>
      <Prefetched queries={[jobs]}><JobsView /></Prefetched>
    </Page>
  );
}
