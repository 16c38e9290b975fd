import { HISTOGRAM_SLOTS, slotUpperMs } from "./latency-slots.ts";

/** One column of input: sparse [slot, count, …] pairs of the histogram layout. */
export type HeatmapPoint = { t: string; buckets: readonly number[] };

export type HeatmapColumn = {
  /** Start of the step, ms since 1970. */
  atMs: number;
  total: number;
  /** Counts per row; null where the step has no sample at all. */
  cells: Float64Array | null;
};

export type HeatmapModel = {
  /** From fast (row 0) to slow. */
  rows: { lowMs: number; highMs: number }[];
  columns: HeatmapColumn[];
  /** Largest count of one cell; 0 when there is no sample. */
  maxCell: number;
  total: number;
};

/**
 * Turns merged histograms into a grid of time × latency. Neighbouring slots are added up so that at most `maxRows` remain;
 * rows cover only latencies that occur, with one free row on each side.
 */
export function heatmapModel(input: { points: readonly HeatmapPoint[]; fromMs: number; toMs: number; stepMs: number; maxRows: number }): HeatmapModel {
  const used = usedSlots(input.points);
  if (used === null) return { rows: [], columns: emptyColumns(input), maxCell: 0, total: 0 };
  const first = Math.max(0, used.first - 1);
  const last = Math.min(HISTOGRAM_SLOTS - 1, used.last + 1);
  const perRow = Math.max(1, Math.ceil((last - first + 1) / input.maxRows));
  const rowCount = Math.ceil((last - first + 1) / perRow);
  const rows = Array.from({ length: rowCount }, (_, row) => ({
    lowMs: slotUpperMs(first + row * perRow - 1),
    highMs: slotUpperMs(first + (row + 1) * perRow - 1),
  }));
  const byTime = new Map(input.points.map((point) => [Date.parse(point.t), point.buckets]));
  let maxCell = 0;
  let total = 0;
  const columns = emptyColumns(input).map((column) => {
    const buckets = byTime.get(column.atMs);
    if (buckets === undefined || buckets.length === 0) return column;
    const cells = new Float64Array(rowCount);
    let columnTotal = 0;
    for (let i = 0; i + 1 < buckets.length; i += 2) {
      const row = Math.floor(((buckets[i] ?? 0) - first) / perRow);
      const count = buckets[i + 1] ?? 0;
      const sum = (cells[row] ?? 0) + count;
      cells[row] = sum;
      columnTotal += count;
      if (sum > maxCell) maxCell = sum;
    }
    total += columnTotal;
    return { atMs: column.atMs, total: columnTotal, cells };
  });
  return { rows, columns, maxCell, total };
}

function usedSlots(points: readonly HeatmapPoint[]): { first: number; last: number } | null {
  let first = HISTOGRAM_SLOTS;
  let last = -1;
  for (const { buckets } of points) {
    for (let i = 0; i + 1 < buckets.length; i += 2) {
      const slot = buckets[i] ?? 0;
      if (slot < first) first = slot;
      if (slot > last) last = slot;
    }
  }
  return last < 0 ? null : { first, last };
}

/** Steps lie on multiples of their length, as the server puts them. */
function emptyColumns({ fromMs, toMs, stepMs }: { fromMs: number; toMs: number; stepMs: number }): HeatmapColumn[] {
  const columns: HeatmapColumn[] = [];
  for (let at = Math.floor(fromMs / stepMs) * stepMs; at < toMs; at += stepMs) columns.push({ atMs: at, total: 0, cells: null });
  return columns;
}

/** Darkness 0 … 1 of a cell: square root, so that a rare slow tail stays visible beside the bulk; never 0 for a sample. */
export function cellStrength(count: number, maxCell: number): number {
  if (count <= 0 || maxCell <= 0) return 0;
  return 0.12 + 0.88 * Math.sqrt(count / maxCell);
}

/** The slowest and the fullest row of a column, for its reading in words; null without samples. */
export function columnReading(model: HeatmapModel, column: HeatmapColumn): { mode: { lowMs: number; highMs: number; count: number }; slowestMs: number } | null {
  if (column.cells === null) return null;
  let fullest = 0;
  let slowest = 0;
  column.cells.forEach((count, row) => {
    if (count > (column.cells?.[fullest] ?? 0)) fullest = row;
    if (count > 0) slowest = row;
  });
  const mode = model.rows[fullest];
  const slow = model.rows[slowest];
  if (mode === undefined || slow === undefined) return null;
  return { mode: { ...mode, count: column.cells[fullest] ?? 0 }, slowestMs: slow.highMs };
}
