"use client";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { useTable } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import type { DeviceRow } from "@flotilla/fleet";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { deviceColumnList, numericColumns, type DeviceColumn } from "./device-column-list.ts";
import { deviceColumns, deviceFeatures } from "./device-columns.tsx";

const ROW_HEIGHT = 32;

type Props = {
  rows: DeviceRow[];
  /** Of all that match; null while the slower count is under way. */
  total: number | null;
  columns: readonly DeviceColumn[];
  hasMore: boolean; loadingMore: boolean; onMore: () => void;
  caption: string;
};

/** Rows as a real table of which only the visible part is in the document. j k move, Enter opens, more pages load at the end. */
export function DevicesTable(props: Props) {
  "use no memo"; // the virtualizer's getters change behind a stable reference
  const { rows, columns: visible, hasMore, loadingMore, onMore } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const router = useRouter();
  const [active, setActive] = useState(0);
  const columnVisibility = useMemo(() => Object.fromEntries(deviceColumnList.map(({ id }) => [id, visible.includes(id)])), [visible]);
  const table = useTable({ features: deviceFeatures, columns: deviceColumns, data: rows, getRowId: (row) => row.id, state: { columnVisibility } });
  const tableRows = table.getRowModel().rows;
  // Not memoized by a compiler: "use no memo" above.
  // oxlint-disable-next-line react/incompatible-library
  const virtualizer = useVirtualizer({ count: tableRows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_HEIGHT, overscan: 12, getItemKey: (index) => tableRows[index]?.id ?? index });
  const items = virtualizer.getVirtualItems();
  const lastIndex = items.at(-1)?.index ?? 0;

  useEffect(() => {
    if (hasMore && !loadingMore && lastIndex >= rows.length - 30) onMore();
  }, [hasMore, loadingMore, lastIndex, rows.length, onMore]);

  const move = (next: number) => {
    const to = Math.max(0, Math.min(tableRows.length - 1, next));
    setActive(to);
    virtualizer.scrollToIndex(to);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const target = keyMove(event.key, active, tableRows.length);
    if (target !== null) {
      event.preventDefault();
      move(target);
    } else if (event.key === "Enter" && event.target === event.currentTarget) {
      const row = tableRows[active];
      if (row !== undefined) router.push(`/devices/${row.id}` as Route);
    }
  };
  const shown = deviceColumnList.filter(({ id }) => visible.includes(id));
  const before = items[0]?.start ?? 0;
  const after = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    // The region takes the focus and the keys; the rows inside are read by their row numbers.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div
      ref={scroller} onKeyDown={onKeyDown}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0} role="region" aria-label={`${props.caption}. Keys j and k move, Enter opens.`}
      className="h-[calc(100dvh-14.5rem)] relative min-h-72 overflow-auto rounded-lg border bg-surface shadow-lift outline-offset-2 max-lg:h-[calc(100dvh-20rem)]"
    >
      <table className="w-full table-fixed border-collapse text-ui tabular-nums" aria-rowcount={props.total === null ? -1 : props.total + 1} style={{ minWidth: shown.reduce((sum, column) => sum + column.width, 0) }}>
        <caption className="sr-only">{props.caption}</caption>
        <colgroup>{shown.map((column) => <col key={column.id} style={{ width: column.width }} />)}</colgroup>
        <thead className="sticky top-0 z-1 bg-surface text-left text-xs text-muted shadow-[0_1px_0_var(--chart-axis)]">
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id} aria-rowindex={1}>
              {group.headers.map((header) => (
                // Its text comes from the column.
                // oxlint-disable-next-line jsx-a11y/control-has-associated-label
                <th key={header.id} scope="col" className={`h-8 px-3 font-medium whitespace-nowrap ${numericColumns.has(header.column.id) ? "text-right" : ""}`}><table.FlexRender header={header} /></th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody>
          {before > 0 && <tr aria-hidden="true" style={{ height: before }} />}
          {items.map((item) => {
            const row = tableRows[item.index];
            if (row === undefined) return null;
            return (
              <tr
                key={row.id} aria-rowindex={item.index + 2} data-active={item.index === active || undefined} onClick={() => setActive(item.index)} onDoubleClick={() => router.push(`/devices/${row.id}` as Route)}
                className="h-8 border-b border-line hover:bg-hover data-active:bg-hover data-active:shadow-[inset_2px_0_0_var(--chart-1)]"
              >
                {row.getVisibleCells().map((cell) => (
                  // Its text comes from the column.
                  // oxlint-disable-next-line jsx-a11y/control-has-associated-label
                  <td key={cell.id} className={`h-8 overflow-hidden px-3 whitespace-nowrap ${numericColumns.has(cell.column.id) ? "text-right" : ""}`}><table.FlexRender cell={cell} /></td>
                ))}
              </tr>
            );
          })}
          {after > 0 && <tr aria-hidden="true" style={{ height: after }} />}
        </tbody>
      </table>
      {loadingMore && <p className="p-2 text-xs text-muted">Loading more…</p>}
    </div>
  );
}

function keyMove(key: string, at: number, count: number): number | null {
  switch (key) {
    case "j": case "ArrowDown": return at + 1;
    case "k": case "ArrowUp": return at - 1;
    case "PageDown": return at + 20;
    case "PageUp": return at - 20;
    case "Home": return 0;
    case "End": return count - 1;
    default: return null;
  }
}
