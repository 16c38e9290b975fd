import { syntheticFeeds } from "./feeds.ts";
import type { GoldenOutput, GoldenSet } from "./golden-set-format.ts";
import { decodeGoldenSet, encodeGoldenSet, sampleOutput } from "./golden-set-format.ts";
import { quoteName } from "./model-refusal.ts";
import type { DimensionOverrides, GoldenCheck, GoldenFailure, OpenModel, Tensor } from "./types.ts";

/** Seeds that are enough to notice a broken kernel; each costs one run on every device. */
const SEEDS = [1, 2, 3];

/** Looser than float32 rounding across instruction sets (about 1e-5 on deep nets), tighter than a wrong kernel. */
const RELATIVE_TOLERANCE = 1e-3;
const ABSOLUTE_TOLERANCE = 1e-4;

const FAILURES_MAX = 100;

/**
 * Runs the model on synthetic inputs and records what comes out, so that a device can prove that the same bytes compute the
 * same there. Only seeds are stored for the inputs (`syntheticFeeds` makes them again); format: `golden-set-format.ts`.
 */
export async function makeGoldenSet(
  model: OpenModel,
  options: { readonly seeds?: readonly number[]; readonly dimensions?: DimensionOverrides } = {},
): Promise<Uint8Array> {
  const { seeds = SEEDS, dimensions = {} } = options;
  const cases: GoldenSet["cases"] = [];
  for (const seed of seeds) {
    const outputs = await model.run(syntheticFeeds(model.inputs, seed, dimensions));
    cases.push({ seed, outputs: Object.entries(outputs).map(([name, tensor]) => sampleOutput(name, tensor)) });
  }
  return encodeGoldenSet({ dimensions, cases });
}

/**
 * Runs the model on the inputs of a golden set and compares. A float passes when |got − expected| ≤ abs + rel × |expected|,
 * or when both are NaN or the same infinity; 8-bit numbers may differ by one step; other integers, booleans and strings
 * must be equal. Throws `ModelRefusal` `golden_set_invalid` for bytes that are not a golden set and `run_failed` when the model
 * cannot run.
 */
export async function checkGoldenSet(
  model: OpenModel,
  bytes: Uint8Array,
  options: { readonly relTolerance?: number; readonly absTolerance?: number } = {},
): Promise<GoldenCheck> {
  const golden = decodeGoldenSet(bytes);
  const comparison = new Comparison(options.relTolerance ?? RELATIVE_TOLERANCE, options.absTolerance ?? ABSOLUTE_TOLERANCE);
  for (const { seed, outputs } of golden.cases) {
    const results = await model.run(syntheticFeeds(model.inputs, seed, golden.dimensions));
    for (const name of Object.keys(results)) {
      if (!outputs.some((output) => output.name === name)) comparison.fail(seed, name, "the golden set does not know this output");
    }
    for (const output of outputs) comparison.compare(seed, output, Object.hasOwn(results, output.name) ? results[output.name] : undefined);
  }
  return comparison.result();
}

class Comparison {
  readonly #rel: number;
  readonly #abs: number;
  readonly #failures: GoldenFailure[] = [];
  #comparedValues = 0;
  #maxAbsError = 0;
  #maxRelError = 0;

  constructor(relTolerance: number, absTolerance: number) {
    this.#rel = relTolerance;
    this.#abs = absTolerance;
  }

  result(): GoldenCheck {
    return {
      ok: this.#failures.length === 0,
      comparedValues: this.#comparedValues,
      maxAbsError: this.#maxAbsError,
      maxRelError: this.#maxRelError,
      failures: this.#failures,
    };
  }

  fail(seed: number, output: string, reason: string): void {
    if (this.#failures.length < FAILURES_MAX) this.#failures.push({ seed, output: quoteName(output), reason });
  }

  compare(seed: number, expected: GoldenOutput, tensor: Tensor | undefined): void {
    if (tensor === undefined) return this.fail(seed, expected.name, "the model has no such output");
    const got = sampleOutput(expected.name, tensor);
    const shapeOf = (output: GoldenOutput) => `${output.elementType}[${output.shape.join(",")}]`;
    if (shapeOf(got) !== shapeOf(expected)) return this.fail(seed, expected.name, `expected ${shapeOf(expected)}, got ${shapeOf(got)}`);
    let wrong = 0;
    let firstWrong = "";
    expected.values.forEach((value, index) => {
      const other = got.values[index] ?? Number.NaN;
      if (this.#matches(expected.elementType, value, other)) return;
      wrong += 1;
      if (wrong === 1) firstWrong = `element ${index * expected.stride}: expected ${String(value).slice(0, 40)}, got ${String(other).slice(0, 40)}`;
    });
    this.#comparedValues += expected.values.length;
    if (wrong > 0) this.fail(seed, expected.name, `${wrong} of ${expected.values.length} values differ; ${firstWrong}`);
  }

  #matches(elementType: string, expected: number | string, got: number | string): boolean {
    if (typeof expected === "string" || typeof got === "string") return expected === got;
    if (Object.is(expected, got) || expected === got) return true;
    const error = Math.abs(got - expected);
    // NaN against a number, or infinity against anything else: no distance can be told.
    if (!Number.isFinite(error)) return false;
    this.#maxAbsError = Math.max(this.#maxAbsError, error);
    this.#maxRelError = Math.max(this.#maxRelError, error / Math.max(Math.abs(expected), this.#abs, Number.MIN_VALUE));
    if (elementType.startsWith("float")) return error <= this.#abs + this.#rel * Math.abs(expected);
    return (elementType === "int8" || elementType === "uint8") && error <= 1;
  }
}
