import type { DatasetRefusalCode } from "../dataset-refusal.ts";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const NOT_FINITE = /^[+-]?(nan|inf|infinity)$/i;
const MISSING = new Set(["", "na", "n/a", "null", "none", "?", "-", "missing"]);

/** The number in a cell, or why there is none. Blanks around it do not count; a decimal comma does. */
export function cellNumber(cell: string): number | Extract<DatasetRefusalCode, `csv_cell_${string}`> {
  const text = cell.trim();
  if (NUMBER.test(text)) {
    const value = Number(text);
    return Number.isFinite(Math.fround(value)) ? value : "csv_cell_not_finite";
  }
  if (NOT_FINITE.test(text)) return "csv_cell_not_finite";
  return MISSING.has(text.toLowerCase()) ? "csv_cell_missing" : "csv_cell_not_number";
}

export const CELL_ADVICE = {
  csv_cell_missing: "Rows with empty cells are left out; fill the cells, or leave out the column with ignoreColumns.",
  csv_cell_not_finite: "Rows with NaN or infinity are left out; replace these cells.",
  csv_cell_not_number: "Features must be numbers with a decimal point. Write categories as numbers, or leave out the column with ignoreColumns.",
} as const;
