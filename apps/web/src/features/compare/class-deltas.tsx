"use client";
import type { CompareView } from "@flotilla/fleet";
import { useState } from "react";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { SearchField } from "../../components/ui/search-field.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatCount } from "../../lib/format.ts";
import { formatAccuracy, formatPoints } from "../optimizing/number-words.tsx";
import { classRows } from "./class-rows.ts";

const PAGE = 30;

/** Each class by what it lost most beside the baseline: an average hides a class that is no longer recognised. */
export function ClassDeltas({ view }: { view: CompareView }) {
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState(PAGE);
  const rows = classRows(view).filter((row) => row.name.toLowerCase().includes(search.trim().toLowerCase()));
  const most = Math.max(0.01, ...rows.flatMap((row) => row.deltas.map((delta) => Math.abs(delta ?? 0))));
  const others = view.versions.filter(({ id }) => id !== view.baselineId);
  return (
    <Card title="By class" subtitle="what lost most beside the baseline first; few examples say little" actions={view.classes.length > PAGE && <SearchField label="Find a class" value={search} onChange={setSearch} className="sm:w-56" />} flush>
      <Table caption="Accuracy by class">
        <thead><tr><Th>Class</Th><Th numeric>n</Th><Th numeric>Baseline</Th>{others.map((version) => <Th key={version.id} className="min-w-40">v{version.number} {version.label}</Th>)}</tr></thead>
        <tbody>
          {rows.slice(0, shown).map((row) => (
            <Tr key={row.index}>
              <Td className="max-w-56 truncate" title={row.name}>{row.name}</Td>
              <Td numeric>{formatCount(row.n)}</Td>
              <Td numeric className="whitespace-nowrap">{formatAccuracy(row.baseline)}</Td>
              {row.deltas.map((delta, position) => <Td key={others[position]?.id ?? position} className="whitespace-nowrap">{delta === null ? "–" : <DeltaBar delta={delta} most={most} />}</Td>)}
            </Tr>
          ))}
        </tbody>
      </Table>
      {rows.length > shown && <div className="border-t p-2 text-center"><Button kind="quiet" size="sm" onClick={() => setShown((count) => count + PAGE * 5)}>Show more</Button></div>}
    </Card>
  );
}

/** To the left what was lost, to the right what was won; the number beside it has the sign. */
function DeltaBar({ delta, most }: { delta: number; most: number }) {
  const half = (Math.abs(delta) / most) * 50;
  return (
    <span className="flex items-center gap-2">
      <span aria-hidden className="relative h-2 w-20 rounded-sm bg-hover">
        <span className="absolute inset-y-0 rounded-sm" style={{ left: delta < 0 ? `${50 - half}%` : "50%", width: `${half}%`, background: delta < 0 ? "var(--chart-2)" : "var(--chart-1)" }} />
        <span className="absolute -inset-y-0.5 left-1/2 w-px bg-line-strong" />
      </span>
      <span className="tabular">{formatPoints(delta)}</span>
    </span>
  );
}
