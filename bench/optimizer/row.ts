/** One line of the table: what was printed beside what was asked. `holds` is null where there is nothing to judge or it was not at hand. */
export type Row = { readonly item: string; readonly what: string; readonly measured: string; readonly reference: string; readonly holds: boolean | null };

export function notAtHand(item: string, what: string, reference: string, why = "its file is not in ../shared"): Row {
  return { item, what, measured: `not at hand: ${why}`, reference, holds: null };
}

/** How many times as fast as its parent a variant is, from times measured in turns. */
export function timesFaster({ median, low, high, pairs }: { readonly median: number; readonly low: number; readonly high: number; readonly pairs: number }): string {
  return `${(1 / median).toFixed(2)} x (95 %: ${(1 / high).toFixed(2)} to ${(1 / low).toFixed(2)}, ${pairs} pairs)`;
}

/** The table, and what became of its rows in one line. */
export function printTable(rows: readonly Row[]): void {
  const cells = [["item", "what", "measured", "reference", "holds"], ...rows.map(({ item, what, measured, reference, holds }) => [item, what, measured, reference, holds === null ? "–" : holds ? "yes" : "NO"])];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  for (const row of cells) console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd());
  const judged = rows.filter(({ holds }) => holds !== null);
  console.log(`${judged.filter(({ holds }) => holds).length} of ${judged.length} judged rows hold, ${rows.length - judged.length} not judged`);
}
