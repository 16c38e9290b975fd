/** Works on up to `atOnce` items at a time and gives the results in the order of the items. Ends early without stray rejections. */
export async function* mapOrdered<T, R>(items: Iterable<T>, atOnce: number, work: (item: T) => Promise<R>): AsyncIterable<R> {
  let underWay: readonly Promise<R>[] = [];
  try {
    for (const item of items) {
      const begun = work(item);
      // Its failure is met when its turn comes, not before.
      begun.catch(() => undefined);
      underWay = [...underWay, begun];
      const [first, ...others] = underWay;
      if (first === undefined || underWay.length < atOnce) continue;
      yield await first;
      underWay = others;
    }
    for (const last of underWay) yield await last;
  } finally {
    await Promise.allSettled(underWay);
  }
}
