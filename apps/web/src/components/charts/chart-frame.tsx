"use client";
import { useId, useState, type ReactNode } from "react";
import { Table2, ChartLine as LineIcon } from "lucide-react";
import "./charts.css";

export type ChartColumn = { key: string; label: string; numeric?: boolean };
export type ChartTableRow = { key: string; cells: readonly string[] };

/**
 * What every chart has around it: a title, its legend, one sentence that says what is to be seen, and the same numbers as a table.
 * `children` is the picture; the table replaces it when asked for, so that both never fight for space.
 */
export function ChartFrame({ title, subtitle, legend, finding, columns, rows, controls, notice, children }: {
  title: string; subtitle?: ReactNode; legend?: ReactNode; finding: string; columns: readonly ChartColumn[]; rows: readonly ChartTableRow[];
  controls?: ReactNode; notice?: ReactNode; children: ReactNode;
}) {
  const [asTable, setAsTable] = useState(false);
  const captionId = useId();
  return (
    <figure className="m-0 min-w-0" aria-labelledby={captionId}>
      <div className="mb-1.5 flex flex-wrap items-center gap-x-3 gap-y-1">
        <div id={captionId} className="text-ui font-semibold">{title}</div>
        {subtitle !== undefined && <div className="text-xs text-muted">{subtitle}</div>}
        <div className="ml-auto flex flex-wrap items-center gap-2">
          {controls}
          <button
            type="button" onClick={() => setAsTable((value) => !value)} aria-pressed={asTable}
            className="inline-flex h-7 items-center gap-1.5 rounded-md border border-line-strong px-2 text-xs text-muted hover:text-ink max-sm:h-9"
          >
            {asTable ? <LineIcon size={13} aria-hidden /> : <Table2 size={13} aria-hidden />}
            {asTable ? "View as chart" : "View as table"}
          </button>
        </div>
      </div>
      {notice}
      {legend !== undefined && !asTable && <div className="mb-1.5 flex flex-wrap items-center gap-x-3 gap-y-1 text-xs">{legend}</div>}
      {asTable ? <ChartTable caption={title} columns={columns} rows={rows} /> : children}
      <figcaption className="mt-1.5 text-xs text-muted">{finding}</figcaption>
    </figure>
  );
}

/** The numbers behind a chart, newest first, in a box of its own that scrolls. */
export function ChartTable({ caption, columns, rows }: { caption: string; columns: readonly ChartColumn[]; rows: readonly ChartTableRow[] }) {
  return (
    // A region that scrolls must be reachable by keyboard.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="relative max-h-80 overflow-auto rounded-md border border-line-strong" tabIndex={0} role="region" aria-label={`${caption}, as a table`}>
      <table className="w-full border-collapse text-xs tabular-nums">
        <thead className="sticky top-0 bg-surface text-left text-muted">
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" className={`border-b border-line-strong px-2.5 py-1.5 font-medium whitespace-nowrap ${column.numeric === true ? "text-right" : ""}`}>{column.label}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.length === 0 && (
            <tr><td colSpan={columns.length} className="px-2.5 py-4 text-muted">No rows in this range.</td></tr>
          )}
          {rows.map((row) => (
            <tr key={row.key} className="odd:bg-sunken">
              {row.cells.map((cell, i) => {
                const column = columns[i];
                const align = column?.numeric === true ? "text-right" : "";
                return i === 0
                  ? <th key={column?.key ?? i} scope="row" className={`px-2.5 py-1 text-left font-normal whitespace-nowrap ${align}`}>{cell}</th>
                  : <td key={column?.key ?? i} className={`px-2.5 py-1 whitespace-nowrap ${align}`}>{cell}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
