import type { OpenModel, Tensor } from "@flotilla/runtime";
import { openModel, seededRandom } from "@flotilla/runtime";
import { floats, makeNode, writeOnnx } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExampleSource } from "../examples.ts";
import { smallModel, value } from "../testing/small-graphs.ts";
import { evaluateVariant } from "./evaluate-variant.ts";
import { measureFileSize } from "./file-size.ts";
import { measureInterleaved, medianRatio } from "./interleaved-latency.ts";
import { kernelTime } from "./kernel-time.ts";

/** y = x · w: with the identity as w, the largest input is the class. */
function linear(weights: readonly number[], columns: number): Uint8Array {
  return writeOnnx(
    smallModel({
      opset: 13,
      inputs: [value("x", [1, 3])],
      outputs: [value("scores", [1, columns])],
      initializers: [floats("w", [3, columns], weights)],
      nodes: [makeNode("MatMul", ["x", "w"], ["scores"], {}, { name: "product" })],
    }),
  );
}

const IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0, 1];
/** Takes class 2 for class 1. */
const CONFUSED = [1, 0, 0, 0, 1, 0, 0, 1.5, 1];

let [parent, confused] = [] as unknown as [OpenModel, OpenModel];
beforeAll(async () => {
  [parent, confused] = [await openModel(linear(IDENTITY, 3)), await openModel(linear(CONFUSED, 3))];
});
afterAll(async () => {
  await parent.close();
  await confused.close();
});

function example(values: readonly number[], label: number | null): { feeds: Record<string, Tensor>; label: number | null } {
  return { feeds: { x: { elementType: "float32", shape: [1, 3], data: Float32Array.from(values) } }, label };
}

function sourceOf(items: readonly ReturnType<typeof example>[]): ExampleSource {
  return { count: items.length, read: async (index) => items[index] ?? example([0, 0, 0], null) };
}

const ONE_HOT = [example([1, 0, 0], 0), example([0, 1, 0], 1), example([0, 0, 1], 2), example([0, 0, 2], 2), example([1, 0, 0], null)];

describe("a variant against its parent", () => {
  test("counts right answers in pairs, by class, and names the class that lost", async () => {
    const progress: number[] = [];
    const { accuracy, output, agreement } = await evaluateVariant({ parent, variant: confused, examples: sourceOf(ONE_HOT), onProgress: (done) => progress.push(done) });
    expect(output).toBe("scores");
    expect(accuracy).toMatchObject({ n: 4, counts: { bothRight: 2, lost: 2, gained: 0, bothWrong: 0 } });
    expect(accuracy?.worstClass).toMatchObject({ label: 2, n: 2, before: 1, after: 0, isNoise: true });
    expect(agreement.n).toBe(5);
    expect(agreement.topClass?.share).toBeCloseTo(3 / 5, 12);
    expect(agreement.outputs[0]).toMatchObject({ maxAbsError: 3, parentMaxAbs: 2, incomparable: 0 });
    expect(agreement.mostChanged.map(({ index }) => index)).toEqual([2, 3]);
    expect(progress).toEqual([1, 2, 3, 4, 5]);
  });

  test("a model agrees with itself perfectly, without labels too", async () => {
    const { accuracy, agreement } = await evaluateVariant({ parent, variant: parent, examples: sourceOf(ONE_HOT.map((item) => ({ ...item, label: null }))) });
    expect(accuracy).toBeNull();
    expect(agreement.topClass?.share).toBe(1);
    expect(agreement.outputs[0]).toMatchObject({ cosineMin: 1, maxAbsError: 0 });
    expect(agreement.mostChanged).toEqual([]);
  });

  test("a number is judged by its error, with an interval from 30 examples on", async () => {
    const [right, off] = [await openModel(linear([1, 1, 1], 1)), await openModel(linear([1.1, 1.1, 1.1], 1))];
    const next = seededRandom(3);
    const items = Array.from({ length: 40 }, () => {
      const values = [next(), next(), next()];
      return example(values, values.reduce((sum, value) => sum + value, 0));
    });
    const { regression, accuracy } = await evaluateVariant({ parent: right, variant: off, examples: sourceOf(items) });
    const few = await evaluateVariant({ parent: right, variant: off, examples: sourceOf(items.slice(0, 29)) });
    await right.close();
    await off.close();
    expect(accuracy).toBeNull();
    expect(regression?.before.meanAbsolute).toBeLessThan(1e-6);
    const mean = items.reduce((sum, { label }) => sum + (label ?? 0) * 0.1, 0) / items.length;
    expect(regression?.difference.meanAbsolute).toBeCloseTo(mean, 5);
    expect(regression?.difference.low).toBeGreaterThan(0);
    expect(few.regression?.difference.low).toBeNull();
  });

  test("a not finite output is counted as incomparable, not averaged in", async () => {
    const huge = await openModel(linear([1e38, 1e38, 1e38, 1e38, 1e38, 1e38, 1e38, 1e38, 1e38], 3));
    const { agreement } = await evaluateVariant({ parent, variant: huge, examples: sourceOf([example([1e30, 1, 1], 0)]) });
    await huge.close();
    expect(agreement.outputs[0]).toMatchObject({ incomparable: 1 });
  });

  test("stops with the reason when aborted", async () => {
    const controller = new AbortController();
    const running = evaluateVariant({ parent, variant: parent, examples: sourceOf(ONE_HOT), signal: controller.signal, onProgress: () => controller.abort(new Error("enough")) });
    await expect(running).rejects.toThrow("enough");
  });
});

describe("measuring", () => {
  test("two models are timed in turns, equally often", async () => {
    const { parentMs, variantMs, ratio } = await measureInterleaved(parent, confused, example([1, 2, 3], null).feeds, { pairsMin: 30, durationMsMin: 0, warmup: 2 });
    expect([parentMs.n, variantMs.n, ratio.pairs]).toEqual([30, 30, 30]);
    expect(ratio.low <= ratio.median && ratio.median <= ratio.high).toBe(true);
  });

  test("each timed run comes behind one of the same model, and who goes first changes", async () => {
    const order: string[] = [];
    const noted = (model: OpenModel, name: string): OpenModel => ({ ...model, run: (feeds) => { order.push(name); return model.run(feeds); } });
    const { parentMs } = await measureInterleaved(noted(parent, "A"), noted(confused, "B"), example([1, 2, 3], null).feeds, { pairsMin: 3, durationMsMin: 0, warmup: 1 });
    expect(order.join("")).toBe("AB" + "AABB" + "BBAA" + "AABB");
    expect(parentMs.method).toContain("behind an untimed run of its own");
  });

  test("the interval of a median ratio has the ranks of the binomial table", () => {
    const ones = new Array<number>(100).fill(1);
    const ratios = Array.from({ length: 100 }, (_, index) => index + 1);
    // n = 100: the 40th and the 61st value (Conover, Practical Nonparametric Statistics).
    expect(medianRatio(ratios, ones)).toMatchObject({ median: 50.5, low: 40, high: 61 });
    expect(medianRatio([2], [1])).toMatchObject({ median: 2, low: 2, high: 2 });
  });

  test("repetitive bytes compress, random ones do not", async () => {
    const next = seededRandom(5);
    const random = await measureFileSize(Uint8Array.from({ length: 20_000 }, () => next() * 256));
    const zeros = await measureFileSize(new Uint8Array(20_000));
    expect(zeros.zstdBytes).toBeLessThan(200);
    expect(zeros.brotliBytes).toBeLessThan(200);
    expect(random.zstdBytes).toBeGreaterThan(19_000);
  });

  test("time is shared out between integer kernels, conversions and the rest", () => {
    const layers = [
      { opType: "QLinearConv", medianUs: 60 },
      { opType: "QuantizeLinear", medianUs: 20 },
      { opType: "Softmax", medianUs: 20 },
    ];
    expect(kernelTime(layers)).toEqual({ integerPercent: 60, conversionPercent: 20, otherPercent: 20, totalUs: 100 });
    expect(kernelTime([])).toMatchObject({ integerPercent: 0, totalUs: 0 });
  });
});
