import { seededRandom } from "@flotilla/runtime";
import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import { withTensorOutputs } from "../quantize/range-probes.ts";
import type { CalibrationContext } from "../quantize/sampler.ts";
import { evenlyChosen, isHeldOut, Sampler } from "../quantize/sampler.ts";
import type { Bounds } from "./activation-bounds.ts";
import type { MatrixLayer } from "./matrix-layer.ts";

/** Rows of a layer: what it reads in the quantised network, `[count, groups, depth]`, and what it gives in the float one, `[count, groups, columns]`. */
export type RowSample = { readonly inputs: Float32Array; readonly targets: Float32Array; readonly count: number };

export type SampledRows = { readonly fitted: RowSample; readonly heldOut: RowSample };

/** Bytes of sampled inputs and targets that one layer may take. */
const SAMPLE_BYTES = 64 * 2 ** 20;

export type SamplePlan = { readonly examples: ExampleSource; readonly rowsPerExample: number };

/** How many rows of how many examples fit `rows` and the memory of a sample. */
export function planSample(examples: ExampleSource, rows: number, { groups, depth, columns }: MatrixLayer): SamplePlan {
  const affordable = Math.max(2, Math.min(rows, Math.floor(SAMPLE_BYTES / (4 * groups * (depth + columns)))));
  const chosen = evenlyChosen(examples, affordable);
  return { examples: chosen, rowsPerExample: Math.max(1, Math.floor(affordable / chosen.count)) };
}

/**
 * Runs the quantised and the float model on the examples, as far as the layer, and keeps a few rows of each, chosen by the seed. Examples
 * and not rows are held out: rows of one example resemble each other.
 */
export class RowSampler {
  readonly #layer: MatrixLayer;
  readonly #bounds: Bounds;
  readonly #plan: SamplePlan;

  constructor(layer: MatrixLayer, bounds: Bounds, plan: SamplePlan) {
    this.#layer = layer;
    this.#bounds = bounds;
    this.#plan = plan;
  }

  /** `node` stands under the same name in both models. Rows with a value that is not finite are left out. */
  async collect(float: OnnxModel, quantised: OnnxModel, node: OnnxNode, seed: number, context: CalibrationContext): Promise<SampledRows> {
    const { examples, rowsPerExample } = this.#plan;
    const random = seededRandom(seed);
    const input = quantised.graph.nodes.find(({ name }) => name === node.name)?.inputs[0] ?? "";
    const [output = ""] = node.outputs;
    const chosen: { readonly rows: readonly number[]; readonly shape: readonly number[] }[] = [];
    const inputs: Rows = [[], []];
    const targets: Rows = [[], []];
    const sampler = new Sampler(context, 2 * examples.count);
    await sampler.eachRun(withTensorOutputs(quantised, [input]), examples, (results, feeds, index) => {
      const tensor = results[input] ?? feeds[input];
      const isFloat = tensor?.data instanceof Float32Array;
      const shape = isFloat ? tensor.shape : [];
      const rows = isFloat ? pick(this.#layer.rowsOf(shape).rows, rowsPerExample, random) : [];
      if (tensor?.data instanceof Float32Array) for (const row of rows) inputs[part(index)].push(this.#inputRow(tensor.data, shape, row));
      chosen.push({ rows, shape });
    });
    await sampler.eachRun(withTensorOutputs(float, [output]), examples, (results, _feeds, index) => {
      const data = results[output]?.data;
      const { rows, shape } = chosen[index] ?? { rows: [], shape: [] };
      for (const row of rows) targets[part(index)].push(data instanceof Float32Array ? this.#targetRow(data, shape, row) : new Float32Array([Number.NaN]));
    });
    return { fitted: joined(inputs[0], targets[0]), heldOut: joined(inputs[1], targets[1]) };
  }

  #inputRow(data: Float32Array, shape: readonly number[], row: number): Float32Array {
    const { groups, depth } = this.#layer;
    const reader = this.#layer.rowsOf(shape);
    const values = new Float32Array(groups * depth);
    for (let group = 0; group < groups; group += 1) reader.read(data, row, group, values, group * depth);
    return values;
  }

  #targetRow(data: Float32Array, shape: readonly number[], row: number): Float32Array {
    const { groups, columns } = this.#layer;
    const { low, high } = this.#bounds;
    const reader = this.#layer.rowsOf(shape);
    return Float32Array.from({ length: groups * columns }, (_, at) => {
      const value = data[reader.outputIndex(row, Math.floor(at / columns), at % columns)] ?? Number.NaN;
      return Math.min(high, Math.max(low, value));
    });
  }
}

/** Fitted and held out. */
type Rows = readonly [Float32Array[], Float32Array[]];

function part(example: number): 0 | 1 {
  return isHeldOut(example) ? 1 : 0;
}

function pick(available: number, wanted: number, random: () => number): number[] {
  if (available <= wanted) return Array.from({ length: available }, (_, row) => row);
  return Array.from({ length: wanted }, () => Math.floor(random() * available));
}

function joined(inputs: readonly Float32Array[], targets: readonly Float32Array[]): RowSample {
  const isFinite = (row: Float32Array | undefined) => row?.every(Number.isFinite) === true;
  const kept = inputs.flatMap((input, at) => (isFinite(input) && isFinite(targets[at]) ? [at] : []));
  return { inputs: concatenated(kept.map((at) => inputs[at] ?? NONE)), targets: concatenated(kept.map((at) => targets[at] ?? NONE)), count: kept.length };
}

const NONE = new Float32Array(0);

function concatenated(rows: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}
