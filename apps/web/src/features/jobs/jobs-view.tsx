"use client";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { JobView } from "@flotilla/fleet";
import { ListChecks, SearchX } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { parseAsStringLiteral, useQueryStates } from "nuqs";
import { Button, LinkButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { Select } from "../../components/ui/field.tsx";
import { Progress } from "../../components/ui/progress.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatDuration } from "../../lib/format.ts";
import { useNow } from "../../lib/use-now.ts";
import { jobKindNames, jobListQuery, jobStates } from "./job-queries.ts";
import { JobState, progressWords, subjectHref } from "./job-words.tsx";

/** What runs, waits and failed. */
export function JobsView() {
  const [filter, setFilter] = useQueryStates({ state: parseAsStringLiteral(jobStates), kind: parseAsStringLiteral(jobKindNames) });
  const query = useInfiniteQuery(jobListQuery(filter));
  const jobs = query.data?.pages.flatMap((page) => page.items) ?? [];
  const isFiltered = filter.state !== null || filter.kind !== null;
  if (query.data !== undefined && jobs.length === 0 && !isFiltered) {
    return (
      <EmptyState icon={<ListChecks size={18} />} title="No jobs yet" action={<LinkButton href={"/models/new" as Route} kind="primary">Upload a model</LinkButton>}>
        <p>Jobs are work in the background. An <b>import</b> checks an uploaded model or dataset, an <b>optimize</b> makes smaller variants, an <b>evaluate</b> counts right answers, a <b>train</b> teaches a model, a <b>benchmark</b> measures a version again, a <b>build</b> writes the manifest that is shipped.</p>
      </EmptyState>
    );
  }
  return (
    <>
      <div className="mb-3 flex flex-wrap gap-2">
        <Select aria-label="State" className="w-40" value={filter.state ?? ""} onChange={(event) => void setFilter({ state: (event.target.value || null) as (typeof jobStates)[number] | null })}>
          <option value="">Every state</option>
          {jobStates.map((state) => <option key={state}>{state}</option>)}
        </Select>
        <Select aria-label="Kind" className="w-40" value={filter.kind ?? ""} onChange={(event) => void setFilter({ kind: (event.target.value || null) as (typeof jobKindNames)[number] | null })}>
          <option value="">Every kind</option>
          {jobKindNames.map((kind) => <option key={kind}>{kind}</option>)}
        </Select>
        {isFiltered && <Button kind="quiet" onClick={() => void setFilter(null)}>Clear filters</Button>}
      </div>
      <Card flush>
        {query.isPending && <TableSkeleton columns={6} />}
        {query.isLoadingError && <ErrorState error={query.error} what="Jobs could not be loaded" onRetry={() => void query.refetch()} />}
        {query.data !== undefined && jobs.length === 0 && <EmptyState icon={<SearchX size={18} />} title="No job matches" action={<Button onClick={() => void setFilter(null)}>Clear filters</Button>} />}
        {jobs.length > 0 && <JobTable jobs={jobs} />}
        {query.hasNextPage && <div className="border-t p-2 text-center"><Button size="sm" kind="quiet" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Show more</Button></div>}
      </Card>
    </>
  );
}

function JobTable({ jobs }: { jobs: readonly JobView[] }) {
  const now = useNow();
  return (
    <Table caption="Jobs">
      <thead><tr><Th>Job</Th><Th>State</Th><Th>About</Th><Th>Progress</Th><Th numeric>Time</Th><Th>By</Th><Th>Made</Th></tr></thead>
      <tbody>
        {jobs.map((job) => {
          const href = subjectHref(job);
          return (
            <Tr key={job.id}>
              <Td><Link href={`/jobs/${job.id}` as Route} className="font-medium hover:underline">{job.kind}</Link></Td>
              <Td><JobState job={job} /></Td>
              <Td className="max-w-56 truncate">{href === null ? (job.subjectName ?? "–") : <Link href={href} className="hover:underline">{job.subjectName ?? job.subjectId}</Link>}</Td>
              <Td className="max-w-80">
                <span className="flex items-center gap-2">
                  {job.state === "running" && <Progress value={job.progress} label={`Progress of ${job.kind}`} className="w-20 shrink-0" />}
                  <span className="truncate text-xs text-muted" title={progressWords(job)}>{progressWords(job)}</span>
                </span>
              </Td>
              <Td numeric className="whitespace-nowrap text-muted" suppressHydrationWarning>{job.startedAt === null ? "–" : formatDuration((job.finishedAt === null ? now : Date.parse(job.finishedAt)) - Date.parse(job.startedAt))}</Td>
              <Td className="max-w-36 truncate text-muted">{job.createdByName}</Td>
              <Td className="whitespace-nowrap text-muted"><TimeAgo at={job.createdAt} /></Td>
            </Tr>
          );
        })}
      </tbody>
    </Table>
  );
}
