"use client";
import { useRef, useState, type KeyboardEvent } from "react";
import { Card } from "../../components/ui/card.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { cn } from "../../lib/class-names.ts";
import { formatCount } from "../../lib/format.ts";
import { formatAccuracyTick } from "./curve-reading.ts";
import { cellSentence, classQuality, confusionFinding, mistakes, nameOf, shownClasses, type Confusion } from "./confusion-model.ts";

/** A matrix of more classes than this is not read any more: the rest is in the list of mistakes. */
const CLASSES_MAX = 24;
const MISTAKES_SHOWN = 12;
/** Letters that fit over a column. */
const NAME_FITS = 5;

type Cell = { actual: number; answered: number };

/** Which class was taken for which: a grid to walk through by arrow keys or pointer, each cell told as a sentence, and the commonest mistakes as a list. */
export function ConfusionMatrix({ confusion, of }: { confusion: Confusion; /** What was asked: "validation split". */ of: string }) {
  const shown = shownClasses(confusion, CLASSES_MAX);
  const [cell, setCell] = useState<Cell | null>(null);
  return (
    <Card title="What was taken for what" subtitle={`${of}, best weights`}>
      <p className="mb-3 text-pretty">{confusionFinding(confusion)}</p>
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 2xl:grid-cols-[minmax(0,1fr)_20rem]">
        <div className="min-w-0">
          {shown.length < confusion.classes.length && <p className="mb-2 text-xs text-muted">{shown.length} classes of {formatCount(confusion.classes.length)}: those of the commonest mistakes.</p>}
          <Grid confusion={confusion} shown={shown} cell={cell} onCell={setCell} />
          <p role="status" className="mt-2 min-h-5 text-xs text-muted">{cell === null ? "Rows are the true class, columns the answer. Point at a cell, or walk by arrow keys." : cellSentence(confusion, cell.actual, cell.answered)}</p>
        </div>
        <MistakeList confusion={confusion} />
      </div>
    </Card>
  );
}

function Grid({ confusion, shown, cell, onCell }: { confusion: Confusion; shown: readonly number[]; cell: Cell | null; onCell: (cell: Cell | null) => void }) {
  // Names that do not fit over a column are numbered, and the number stands before the name of the row.
  const isNumbered = shown.some((index) => nameOf(confusion, index).length > NAME_FITS);
  const table = useRef<HTMLTableElement>(null);
  // The cell that Tab reaches; arrow keys move it.
  const [at, setAt] = useState({ row: 0, column: 0 });
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = moved(at, event.key, shown.length);
    if (next === null) return;
    event.preventDefault();
    setAt(next);
    table.current?.querySelector<HTMLElement>(`[data-cell="${next.row} ${next.column}"]`)?.focus();
  };
  return (
    <div className="overflow-x-auto pb-1">
      {/* A grid may be a table (ARIA 1.2, grid pattern): its cells take the focus one at a time. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-to-interactive-role */}
      <table ref={table} role="grid" aria-label="True class by answered class" className="border-separate border-spacing-px text-xs" onKeyDown={onKeyDown} onPointerLeave={() => onCell(null)}>
        <thead>
          <tr>
            <th scope="col" className="sticky left-0 z-1 bg-surface pr-2 text-left text-2xs font-normal whitespace-nowrap text-muted">true ↓ answer →</th>
            {shown.map((answered) => <th key={answered} scope="col" title={nameOf(confusion, answered)} className={cn("max-w-14 truncate px-1 pb-1 font-medium", cell?.answered === answered ? "text-ink" : "text-muted")}>{isNumbered ? answered : nameOf(confusion, answered)}</th>)}
            <th scope="col" title="Of the examples of the class, how many were found" className="px-2 pb-1 text-right font-normal text-muted">found</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((actual, row) => (
            <tr key={actual}>
              <th scope="row" title={nameOf(confusion, actual)} className={cn("sticky left-0 z-1 max-w-40 truncate bg-surface max-sm:max-w-24 pr-2 text-left font-medium", cell?.actual === actual ? "text-ink" : "text-muted")}>{isNumbered && <span className="mr-1.5 font-normal tabular">{actual}</span>}{nameOf(confusion, actual)}</th>
              {shown.map((answered, column) => (
                <GridCell key={answered} confusion={confusion} actual={actual} answered={answered} place={`${row} ${column}`} reached={at.row === row && at.column === column} onEnter={() => onCell({ actual, answered })} onFocus={() => { setAt({ row, column }); onCell({ actual, answered }); }} />
              ))}
              <td className="px-2 text-right text-muted tabular">{recallOf(confusion, actual)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function GridCell({ confusion, actual, answered, place, reached, onEnter, onFocus }: { confusion: Confusion; actual: number; answered: number; place: string; reached: boolean; onEnter: () => void; onFocus: () => void }) {
  const count = confusion.counts[actual]?.[answered] ?? 0;
  const total = (confusion.counts[actual] ?? []).reduce((sum, value) => sum + value, 0);
  const isRight = actual === answered;
  // Mistakes are rare: their colour grows with the root of the share, so that one in a hundred is seen.
  const depth = count === 0 || total === 0 ? 0 : isRight ? 12 + 26 * (count / total) : 10 + 34 * Math.sqrt(count / total);
  return (
    <td
      data-cell={place} tabIndex={reached ? 0 : -1} onFocus={onFocus} onPointerEnter={onEnter} aria-label={cellSentence(confusion, actual, answered)}
      className={cn("h-7 min-w-9 rounded-sm px-1 text-center tabular outline-offset-1 hover:outline-2 hover:outline-line-strong", count === 0 ? "bg-sunken text-muted" : "text-ink")}
      style={depth === 0 ? undefined : { background: `color-mix(in oklch, var(${isRight ? "--chart-1" : "--chart-limit"}) ${depth.toFixed(0)}%, transparent)` }}
    >
      {count === 0 ? "·" : formatCount(count)}
    </td>
  );
}

function recallOf(confusion: Confusion, index: number): string {
  const { recall } = classQuality(confusion, index);
  return recall === null ? "–" : formatAccuracyTick(recall);
}

/** Where an arrow key, Home or End leads in a square of `side` cells; null for other keys. */
function moved({ row, column }: { row: number; column: number }, key: string, side: number): { row: number; column: number } | null {
  const within = (value: number): number => Math.min(side - 1, Math.max(0, value));
  switch (key) {
    case "ArrowLeft": return { row, column: within(column - 1) };
    case "ArrowRight": return { row, column: within(column + 1) };
    case "ArrowUp": return { row: within(row - 1), column };
    case "ArrowDown": return { row: within(row + 1), column };
    case "Home": return { row, column: 0 };
    case "End": return { row, column: side - 1 };
    default: return null;
  }
}

function MistakeList({ confusion }: { confusion: Confusion }) {
  const all = mistakes(confusion);
  if (all.length === 0) return null;
  return (
    <div className="min-w-0 rounded-md border">
      <Table caption="Commonest mistakes">
        <thead><tr><Th>True</Th><Th>Taken for</Th><Th numeric>Times</Th><Th numeric>Of its class</Th></tr></thead>
        <tbody>
          {all.slice(0, MISTAKES_SHOWN).map(({ actual, answered, count, shareOfActual }) => (
            <Tr key={`${actual} ${answered}`}>
              <Td className="max-w-24 truncate" title={nameOf(confusion, actual)}>{nameOf(confusion, actual)}</Td>
              <Td className="max-w-24 truncate" title={nameOf(confusion, answered)}>{nameOf(confusion, answered)}</Td>
              <Td numeric>{formatCount(count)}</Td>
              <Td numeric className="text-muted">{formatAccuracyTick(shareOfActual)}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {all.length > MISTAKES_SHOWN && <p className="border-t px-3 py-1.5 text-xs text-muted">and {formatCount(all.length - MISTAKES_SHOWN)} rarer kinds</p>}
    </div>
  );
}
