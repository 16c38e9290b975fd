import type { CompareView } from "@flotilla/fleet";

type ClassRow = { index: number; name: string; n: number; baseline: number | null; /** In the order of the versions that are not the baseline; as shares. */ deltas: (number | null)[] };

/** Classes, the largest loss of any version first. */
export function classRows(view: Pick<CompareView, "baselineId" | "classes"> & { versions: readonly { id: string }[] }): ClassRow[] {
  const place = view.versions.findIndex(({ id }) => id === view.baselineId);
  const rows = view.classes.map(({ index, name, n, correct }): ClassRow => {
    const share = (count: number | null | undefined): number | null => (count == null || n === 0 ? null : count / n);
    const baseline = share(correct[place]);
    const deltas = correct.flatMap((count, position) => {
      const own = share(count);
      return position === place ? [] : [own === null || baseline === null ? null : own - baseline];
    });
    return { index, name, n, baseline, deltas };
  });
  const worst = ({ deltas }: ClassRow): number => Math.min(0, ...deltas.map((delta) => delta ?? 0));
  return rows.toSorted((a, b) => worst(a) - worst(b) || a.index - b.index);
}
