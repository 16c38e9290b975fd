// A statement that writes many numbered rows at once is answered by one row instead of one for each: nearly always all were written, and
// that is said with null.

/** Ends a statement whose `$1` holds the numbers, and whose common table expression `written` those that were written, as `n`. */
export const WHICH_WERE_WRITTEN = "select case when count(*) = cardinality($1::int[]) then null else coalesce(array_agg(n), '{}') end as numbers from written";

export type WhichRows = { readonly numbers: readonly number[] | null };

/** Tells of a number whether its row was written. */
export function wasWritten([answer]: readonly WhichRows[]): (n: number) => boolean {
  if (answer === undefined) return () => false;
  if (answer.numbers === null) return () => true;
  const written = new Set(answer.numbers);
  return (n) => written.has(n);
}
