"use client";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiProblem } from "../../lib/api-client.ts";
import { ErrorState } from "./error-state.tsx";

/** The usual states of one query: coming, failed (with another try), there. What is there stays during a refresh, also a failing one; that the server does not answer at all is told above the page. */
export function QueryView<T>({ query, loading, what, children }: { query: UseQueryResult<T>; loading: ReactNode; what?: string; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) {
    return (
      <>
        {query.isRefetchError && query.error instanceof ApiProblem && <ErrorState error={query.error} what="What you see could not be refreshed" onRetry={() => void query.refetch()} />}
        {children(query.data)}
      </>
    );
  }
  if (query.isError) return <ErrorState error={query.error} {...(what !== undefined && { what })} onRetry={() => void query.refetch()} />;
  return loading;
}
