import { getJob } from "@flotilla/fleet";
import { JobPage } from "../../../../features/jobs/job-page.tsx";
import { jobQuery } from "../../../../features/jobs/job-queries.ts";
import { pageView } from "../../../../server/page-view.tsx";
import { Prefetched, prefetch } from "../../../../server/prefetch.tsx";
import { requirePrincipal } from "../../../../server/session.ts";

export const metadata = { title: "Job" };

export default async function Job({ params }: { params: Promise<{ id: string }> }) {
  const principal = await requirePrincipal();
  const { id } = await params;
  return pageView(async () => {
    const job = await prefetch(principal, jobQuery(id).queryKey, (tx, p) => getJob(tx, p, id));
    return <Prefetched queries={[job]}><JobPage id={id} /></Prefetched>;
  });
}
