"use client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { JobLogLine } from "@flotilla/fleet";
import { ArrowDownToLine } from "lucide-react";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { SearchField } from "../../components/ui/search-field.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { apiGet } from "../../lib/api-client.ts";
import { cn } from "../../lib/class-names.ts";
import { formatClock, formatNoun } from "../../lib/format.ts";
import { appendLines, isAtEnd } from "./log-tail.ts";

const NO_LINES: readonly JobLogLine[] = [];

/** The log, line by line as it comes. Follows the end until the reader scrolls up. */
export function JobLog({ id, ended }: { id: string; ended: boolean }) {
  const log = useLines(id);
  const box = useRef<HTMLDivElement>(null);
  const [follow, setFollow] = useState(true);
  const [search, setSearch] = useState("");
  const [wrap, setWrap] = useState(true);
  const lines = log.data ?? NO_LINES;
  const shown = useMemo(() => (search === "" ? lines : lines.filter((line) => line.text.toLowerCase().includes(search.toLowerCase()))), [lines, search]);
  useLayoutEffect(() => {
    if (follow && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [follow, shown]);
  useShortcuts("Log", [{ keys: "e", label: follow ? "Stop following the log" : "Follow the log", run: () => setFollow((on) => !on) }]);
  return (
    <Card
      title="Log" subtitle={formatNoun(lines.length, "line")} flush
      actions={
        <>
          <SearchField label="Find in the log" value={search} onChange={setSearch} className="sm:w-48" />
          <Button size="sm" kind="quiet" aria-pressed={wrap} onClick={() => setWrap((on) => !on)}>Wrap</Button>
          <Button size="sm" kind={follow ? "secondary" : "quiet"} aria-pressed={follow} onClick={() => setFollow((on) => !on)}><ArrowDownToLine size={13} aria-hidden />Follow</Button>
        </>
      }
    >
      {log.isLoadingError && <ErrorState error={log.error} what="The log could not be read" onRetry={() => void log.refetch()} />}
      {log.isPending && <div className="space-y-2 p-4"><Skeleton className="w-2/3" /><Skeleton className="w-1/2" /></div>}
      {log.data !== undefined && shown.length === 0 && <p className="px-4 py-6 text-center text-muted">{search !== "" ? "No line matches." : ended ? "It wrote nothing." : "Nothing written yet."}</p>}
      {shown.length > 0 && (
        // What scrolls must be reachable by keyboard.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <div ref={box} tabIndex={0} role="log" aria-label="Log" aria-live="off" onScroll={(event) => setFollow(isAtEnd(event.currentTarget))} className="max-h-[28rem] overflow-auto py-2 font-mono text-xs leading-5">
          {shown.map((line) => <LogLine key={line.seq} line={line} wrap={wrap} />)}
        </div>
      )}
    </Card>
  );
}

const LEVELS: Record<string, string> = { error: "text-bad", warn: "text-warn", debug: "text-muted" };

function LogLine({ line, wrap }: { line: JobLogLine; wrap: boolean }) {
  return (
    <div className={cn("flex gap-3 px-4 hover:bg-hover", LEVELS[line.level])}>
      <time dateTime={line.at} suppressHydrationWarning className="shrink-0 text-muted select-none">{formatClock(line.at)}</time>
      {line.level !== "info" && <span className="shrink-0 uppercase">{line.level}</span>}
      <span className={wrap ? "min-w-0 break-words whitespace-pre-wrap" : "whitespace-pre"}>{line.text}</span>
    </div>
  );
}

/** Reads on after the last known line whenever the job changes, and on until there is no more. */
function useLines(id: string) {
  const client = useQueryClient();
  const queryKey = useMemo(() => ["job", id, "logs"], [id]);
  const query = useQuery({
    queryKey,
    queryFn: async ({ signal }) => {
      const known = client.getQueryData<readonly JobLogLine[]>(queryKey) ?? [];
      const { items } = await apiGet<{ items: JobLogLine[] }>(`/jobs/${id}/logs?after=${known.at(-1)?.seq ?? 0}`, signal);
      return appendLines(known, items);
    },
    structuralSharing: false,
  });
  const { data, refetch } = query;
  const count = data?.length ?? 0;
  const before = useRef(0);
  useEffect(() => {
    // An answer holds 2,000 lines at most: a full one means that there may be more.
    const grown = count - before.current;
    before.current = count;
    if (grown >= 2_000) void refetch();
  }, [count, refetch]);
  return query;
}
