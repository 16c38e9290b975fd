"use client";
import type { DatasetPreview, Split } from "@flotilla/fleet";
import { useState } from "react";
import { Card } from "../../components/ui/card.tsx";
import { Select } from "../../components/ui/field.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatNoun } from "../../lib/format.ts";

type Sheet = DatasetPreview["sheets"][number];

/** A few examples of each class, as they were stored. Each row is a window onto the one contact sheet. */
export function PreviewSheets({ sheets }: { sheets: readonly Sheet[] }) {
  const [split, setSplit] = useState<Split | null>(null);
  const sheet = sheets.find((candidate) => candidate.split === split) ?? sheets[0];
  if (sheet === undefined) return null;
  return (
    <Card
      title="A few examples" subtitle={`${formatNoun(sheet.rows.length, "row")} of the ${sheet.split} split`}
      actions={sheets.length > 1 && <Select aria-label="Split" className="w-32" value={sheet.split} onChange={(event) => setSplit(event.target.value as Split)}>{sheets.map((one) => <option key={one.split}>{one.split}</option>)}</Select>}
    >
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard */}
      <div role="region" aria-label={`Examples of the ${sheet.split} split`} tabIndex={0} className="relative max-h-96 overflow-auto">
        <ul className="space-y-1">
          {sheet.rows.map((row, position) => (
            <li key={row.className ?? position} className="flex items-center gap-3">
              {row.className !== null && <span className="w-28 shrink-0 truncate text-right text-xs max-sm:w-16" title={row.className}>{row.className}</span>}
              <span
                role="img" aria-label={`${formatNoun(row.cells.length, "example")}${row.className === null ? "" : ` of ${row.className}`}`} className="block shrink-0 rounded-sm"
                style={{ width: widthOf(sheet, row.cells.length), height: sheet.cellSide, backgroundImage: `url("${sheet.image}")`, backgroundPosition: `0 -${position * (sheet.cellSide + sheet.gap)}px`, backgroundSize: `${sheet.width}px ${sheet.height}px`, backgroundRepeat: "no-repeat" }}
              />
            </li>
          ))}
        </ul>
      </div>
    </Card>
  );
}

function widthOf(sheet: Sheet, cells: number): number {
  return cells * sheet.cellSide + Math.max(0, cells - 1) * sheet.gap;
}

const BINS_HIGH = 28;

/** How the numbers of each column are spread, over the training split. */
export function ValueHistograms({ values }: { values: DatasetPreview["values"] }) {
  return (
    <Card title="Spread of the values" subtitle="training split" flush>
      <Table caption="Spread of the values">
        <thead><tr><Th>Column</Th><Th>Spread</Th><Th numeric>Least</Th><Th numeric>Mean</Th><Th numeric>Std</Th><Th numeric>Most</Th></tr></thead>
        <tbody>
          {values.map((value) => (
            <Tr key={value.name}>
              <Td className="max-w-56 truncate font-mono text-xs" title={value.name}>{value.name}</Td>
              <Td><Histogram counts={value.histogram} /></Td>
              {[value.min, value.mean, value.std, value.max].map((number, position) => <Td key={["min", "mean", "std", "max"][position]} numeric className="whitespace-nowrap">{Number(number.toPrecision(4))}</Td>)}
            </Tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

function Histogram({ counts }: { counts: readonly number[] }) {
  const most = Math.max(1, ...counts);
  return (
    <svg aria-hidden viewBox={`0 0 ${counts.length * 5} ${BINS_HIGH}`} className="h-7 w-40 text-accent" preserveAspectRatio="none">
      {counts.map((count, bin) => <rect key={`${bin * 5}`} x={bin * 5} width={4} y={BINS_HIGH - (count / most) * BINS_HIGH} height={(count / most) * BINS_HIGH} fill="currentColor" />)}
    </svg>
  );
}
