"use client";
import type { DatasetSummary } from "@flotilla/fleet";
import { useState } from "react";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { SearchField } from "../../components/ui/search-field.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatCount, formatShare } from "../../lib/format.ts";
import { splitNames } from "./dataset-words.tsx";

const PAGE = 20;

/** Examples per class, as bars and as numbers per split; rare classes are where accuracy is least certain. */
export function ClassBalance({ summary: { classes, classCounts, counts: splitCounts } }: { summary: DatasetSummary }) {
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState(PAGE);
  const rows = classes.map((name, index) => {
    const counts = splitNames.map((split) => classCounts[split][index] ?? 0);
    return { name, index, counts, total: counts.reduce((sum, count) => sum + count, 0) };
  });
  const most = Math.max(1, ...rows.map((row) => row.total));
  const total = rows.reduce((sum, row) => sum + row.total, 0);
  const found = rows.filter((row) => row.name.toLowerCase().includes(search.trim().toLowerCase()));
  return (
    <Card title="Class balance" subtitle={`${formatCount(found.length)} of ${formatCount(classes.length)} classes`} actions={classes.length > PAGE && <SearchField label="Find a class" value={search} onChange={setSearch} className="sm:w-56" />} flush>
      <Table caption="Examples by class and split">
        <thead><tr><Th numeric>#</Th><Th>Class</Th><Th className="w-1/3 min-w-32">Share</Th>{splitNames.map((split) => <Th key={split} numeric>{split}</Th>)}<Th numeric>all</Th></tr></thead>
        <tbody>
          {found.slice(0, shown).map((row) => (
            <Tr key={row.index}>
              <Td numeric className="text-muted">{row.index}</Td>
              <Td className="max-w-56 truncate" title={row.name}>{row.name}</Td>
              <Td>
                <span className="flex items-center gap-2">
                  <span aria-hidden className="h-2 flex-1 rounded-sm bg-hover"><span className="block h-full rounded-sm bg-accent" style={{ width: `${(row.total / most) * 100}%` }} /></span>
                  <span className="w-12 text-right tabular">{formatShare(row.total, total)}</span>
                </span>
              </Td>
              {row.counts.map((count, position) => <Td key={splitNames[position]} numeric className={count === 0 && Object.entries(splitCounts).some(([split, all]) => split === splitNames[position] && all > 0) ? "font-medium text-warn" : undefined}>{formatCount(count)}</Td>)}
              <Td numeric>{formatCount(row.total)}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {found.length === 0 && <EmptyState title="No class matches" className="py-8" action={<Button onClick={() => setSearch("")}>Clear the search</Button>} />}
      {found.length > shown && <div className="border-t p-2 text-center"><Button kind="quiet" size="sm" onClick={() => setShown((count) => count + PAGE * 10)}>Show more</Button></div>}
    </Card>
  );
}
