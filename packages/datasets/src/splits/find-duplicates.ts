import type { ExampleColumns } from "../file/example-columns.ts";

type Duplicates = {
  /** Members of each content that occurs more than once, in the order they came. */
  readonly runs: readonly Uint32Array[];
  /** Examples that repeat an earlier one. */
  readonly examples: number;
  readonly conflictingLabels: number;
};

export function findDuplicates(columns: ExampleColumns, labels: Float64Array): Duplicates {
  const order = Uint32Array.from({ length: columns.count }, (_, at) => at);
  order.sort((one, other) => columns.compareContent(one, other) || one - other);
  const runs: Uint32Array[] = [];
  let start = 0;
  for (let end = 1; end <= order.length; end += 1) {
    if (end < order.length && columns.compareContent(order[start] ?? 0, order[end] ?? 0) === 0) continue;
    if (end - start > 1) runs.push(order.slice(start, end));
    start = end;
  }
  const examples = runs.reduce((sum, run) => sum + run.length - 1, 0);
  const conflictingLabels = runs.filter((run) => [...run].some((at) => !Object.is(labels[at], labels[run[0] ?? 0]))).length;
  return { runs, examples, conflictingLabels };
}
