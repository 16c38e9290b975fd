"use client";
import { useMutation } from "@tanstack/react-query";
import type { JobView } from "@flotilla/fleet";
import { Timer } from "lucide-react";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Button } from "../../components/ui/button.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";

/** Measures the version once more on a worker, and goes to that job. */
export function BenchmarkButton({ versionId }: { versionId: string }) {
  const router = useRouter();
  const missingRole = useMissingRole("operator");
  const start = useMutation({
    mutationFn: () => apiSend<JobView>("POST", "/jobs", { kind: "benchmark", versionId }),
    onSuccess: (job) => router.push(`/jobs/${job.id}` as Route),
  });
  return (
    <>
      {start.isError && <span role="alert" className="text-xs text-bad">{messageOf(start.error)}</span>}
      <Button busy={start.isPending} disabled={missingRole !== undefined} title={missingRole} onClick={() => start.mutate()}><Timer size={14} aria-hidden />Benchmark</Button>
    </>
  );
}
