"use client";
import { useQuery } from "@tanstack/react-query";
import { Scale } from "lucide-react";
import { useQueryStates } from "nuqs";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { Notice } from "../../components/ui/notice.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { compareQuery } from "../optimizing/optimizing-queries.ts";
import { compareParams } from "./compare-params.ts";
import { DeltaTable } from "./delta-table.tsx";

/** Versions side by side: what each costs and what it brings, beside one of them. */
export function ComparePage() {
  const [params, setParams] = useQueryStates(compareParams);
  const { versions, baseline, dataset, split } = params;
  const query = useQuery(compareQuery({ versions, baseline, dataset, split }));
  if (versions.length === 0) return <Card><EmptyState icon={<Scale size={18} />} title="Nothing to compare yet">Choose a model above, then the versions of it.</EmptyState></Card>;
  return (
    <QueryView query={query} what="The comparison could not be made" loading={<div className="grid gap-4" role="status" aria-label="Loading"><Skeleton className="h-80" /><Skeleton className="h-48" /></div>}>
      {(view) => (
        <div className="grid gap-4">
          {view.latencyWhyNot !== null && <Notice tone="warn" title="Times cannot be compared">{view.latencyWhyNot}</Notice>}
          <DeltaTable view={view} budget={params} onBaseline={(id) => void setParams({ baseline: id })} />
        </div>
      )}
    </QueryView>
  );
}
