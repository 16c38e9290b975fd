import type { FaultRow } from "./fault.ts";

export type TimedRow = FaultRow & { readonly fault: string; readonly seconds: number };

/** True when nothing was lost, doubled, torn or stuck, and enough was tried to say so. */
export function holds(row: FaultRow): boolean {
  return row.lost + row.duplicate + row.torn + row.stuck === 0 && row.tried >= row.atLeast;
}

/** The table that `npm run test:faults` prints. */
export function faultTable(rows: readonly TimedRow[]): string {
  const head = ["fault", "what was done", "tried", "lost", "duplicate", "torn", "stuck", "seconds", ""];
  const lines = rows.map((row) => [
    row.fault, row.what, String(row.tried), String(row.lost), String(row.duplicate), String(row.torn), String(row.stuck), row.seconds.toFixed(0),
    holds(row) ? "ok" : row.tried < row.atLeast ? `FAILED: fewer than ${row.atLeast} tried` : "FAILED",
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((line) => (line[column] ?? "").length)));
  const isNumber = (column: number): boolean => column >= 2 && column <= 7;
  const text = [head, ...lines].map((line) => line.map((cell, c) => (isNumber(c) ? cell.padStart(widths[c] ?? 0) : cell.padEnd(widths[c] ?? 0))).join("  ").trimEnd());
  const facts = rows.flatMap((row) => row.facts.map((fact) => `  ${row.fault}: ${fact}`));
  return [...text, "", "Counted beside it:", ...facts].join("\n");
}
