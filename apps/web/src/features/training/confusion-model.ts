/** Counts by true class (row) and answered class (column). */
export type Confusion = { readonly classes: readonly string[]; readonly counts: readonly (readonly number[])[] };

/** One kind of mistake: `count` examples of `actual` were taken for `answered`. */
export type Mistake = { actual: number; answered: number; count: number; shareOfActual: number };

/** Mistakes by how often they were made, the commonest first. */
export function mistakes({ counts }: Confusion): Mistake[] {
  return counts.flatMap((row, actual) => {
    const total = sum(row);
    return row.map((count, answered) => ({ actual, answered, count, shareOfActual: total === 0 ? 0 : count / total })).filter((cell) => cell.actual !== cell.answered && cell.count > 0);
  }).toSorted((a, b) => b.count - a.count || b.shareOfActual - a.shareOfActual || a.actual - b.actual || a.answered - b.answered);
}

/** Of a class: how many of its examples were found, and how many answers of it were right. Null where nothing was there to count. */
export function classQuality({ counts }: Confusion, index: number): { recall: number | null; precision: number | null } {
  const right = counts[index]?.[index] ?? 0;
  const actual = sum(counts[index] ?? []);
  const answered = counts.reduce((total, row) => total + (row[index] ?? 0), 0);
  return { recall: actual === 0 ? null : right / actual, precision: answered === 0 ? null : right / answered };
}

/** At most `most` classes, in their order: when there are more, both sides of the commonest mistakes. */
export function shownClasses(confusion: Confusion, most: number): number[] {
  const all = confusion.classes.map((_, index) => index);
  if (all.length <= most) return all;
  const chosen = new Set<number>();
  for (const { actual, answered } of mistakes(confusion)) {
    const added = [actual, answered].filter((index) => !chosen.has(index));
    if (chosen.size + added.length <= most) for (const index of added) chosen.add(index);
  }
  for (const index of all) if (chosen.size < most) chosen.add(index);
  return [...chosen].toSorted((a, b) => a - b);
}

/** "97.5 % right: 1,950 of 2,000; most often 4 was taken for 9 (12 times)." */
export function confusionFinding(confusion: Confusion): string {
  const total = confusion.counts.reduce((all, row) => all + sum(row), 0);
  if (total === 0) return "No example was asked.";
  const right = confusion.counts.reduce((all, row, index) => all + (row[index] ?? 0), 0);
  const head = `${((right / total) * 100).toFixed(2)} % right: ${right.toLocaleString("en-GB")} of ${total.toLocaleString("en-GB")}`;
  const [worst] = mistakes(confusion);
  if (worst === undefined) return `${head}, no mistake.`;
  return `${head}; most often ${nameOf(confusion, worst.actual)} was taken for ${nameOf(confusion, worst.answered)} (${worst.count === 1 ? "once" : `${worst.count.toLocaleString("en-GB")} times`}).`;
}

/** What one cell says, as a sentence. */
export function cellSentence(confusion: Confusion, actual: number, answered: number): string {
  const count = confusion.counts[actual]?.[answered] ?? 0;
  const total = sum(confusion.counts[actual] ?? []);
  const share = total === 0 ? "" : `, ${((count / total) * 100).toFixed(1)} %`;
  const of = `${count.toLocaleString("en-GB")} of ${total.toLocaleString("en-GB")} “${nameOf(confusion, actual)}”`;
  return actual === answered ? `${of} found${share}` : `${of} taken for “${nameOf(confusion, answered)}”${share}`;
}

export function nameOf({ classes }: Confusion, index: number): string {
  return classes[index] ?? String(index);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
