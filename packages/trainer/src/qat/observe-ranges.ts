import { openModel } from "@flotilla/runtime";
import { cloneModel, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../loop/training-source.ts";

/** Smallest and largest number that a value took. */
export type ValueRange = { readonly low: number; readonly high: number };

/** Runs the model over the first `count` examples and watches these values. A value that was never seen has no range. */
export async function observeRanges(model: OnnxModel, values: readonly string[], source: ExampleSource, { count, threads, signal }: { count: number; threads: number; signal: AbortSignal }): Promise<ReadonlyMap<string, ValueRange>> {
  const inputs = new Set(model.graph.inputs.map(({ name }) => name));
  const exposed = cloneModel(model);
  const known = new Set(exposed.graph.outputs.map(({ name }) => name));
  for (const name of values) if (!inputs.has(name) && !known.has(name)) exposed.graph.outputs.push({ name, type: null, docString: "", metadata: [], unknownFields: [] });
  const open = await openModel(writeOnnx(exposed), { intraOpThreads: threads });
  const ranges = new Map<string, ValueRange>();
  try {
    for (let index = 0; index < Math.min(count, source.count); index += 1) {
      signal.throwIfAborted();
      const { feeds } = await source.read(index);
      const seen = { ...feeds, ...(await open.run(feeds)) };
      for (const name of values) {
        const found = seen[name];
        if (found?.elementType === "float32") ranges.set(name, widened(ranges.get(name), found.data as Float32Array));
      }
    }
  } finally {
    await open.close();
  }
  return ranges;
}

function widened({ low, high }: ValueRange = { low: Infinity, high: -Infinity }, numbers: Float32Array): ValueRange {
  return { low: numbers.reduce((least, value) => Math.min(least, value), low), high: numbers.reduce((most, value) => Math.max(most, value), high) };
}
