import type { OnnxModel } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import { withTensorOutputs } from "../quantize/range-probes.ts";
import type { CalibrationContext } from "../quantize/sampler.ts";
import { evenlyChosen, isHeldOut, Sampler } from "../quantize/sampler.ts";

/** Σ x·xᵀ, [depth, depth], of rows that a product reads: of most examples, and of those that are held out to judge by. */
export type InputMoments = { readonly fitted: Float64Array; readonly heldOut: Float64Array };

const EXAMPLES_MAX = 128;
/** Rows of one value that count, spread over the examples. */
const ROWS_MAX = 2_048;
/** Bytes of moments that are gathered in one pass over the examples. */
const PASS_BYTES = 256 * 2 ** 20;

/** The moments of values by name, each `depth` numbers wide. Values that are not float32 rows of that width, or not finite, have none. */
export async function inputMoments(model: OnnxModel, depths: ReadonlyMap<string, number>, examples: ExampleSource, context: CalibrationContext): Promise<Map<string, InputMoments>> {
  const chosen = evenlyChosen(examples, EXAMPLES_MAX);
  const found = new Map<string, InputMoments>();
  const passes = passesOf(depths);
  const sampler = new Sampler(context, passes.length * chosen.count);
  const rowsMax = Math.max(1, Math.ceil(ROWS_MAX / chosen.count));
  for (const pass of passes) {
    for (const [name, depth] of pass) found.set(name, { fitted: new Float64Array(depth * depth), heldOut: new Float64Array(depth * depth) });
    await sampler.eachRun(withTensorOutputs(model, pass.map(([name]) => name)), chosen, (results, feeds, index) => {
      for (const [name, depth] of pass) {
        const data = (results[name] ?? feeds[name])?.data;
        const moments = found.get(name);
        if (data instanceof Float32Array && moments !== undefined) addRows(isHeldOut(index) ? moments.heldOut : moments.fitted, data, depth, rowsMax);
      }
    });
  }
  return found;
}

function passesOf(depths: ReadonlyMap<string, number>): [string, number][][] {
  const passes: [string, number][][] = [];
  let room = 0;
  for (const [name, depth] of depths) {
    const bytes = 2 * 8 * depth * depth;
    const last = passes.at(-1);
    if (last === undefined || bytes > room) {
      passes.push([[name, depth]]);
      room = PASS_BYTES - bytes;
    } else {
      last.push([name, depth]);
      room -= bytes;
    }
  }
  return passes;
}

function addRows(moments: Float64Array, data: Float32Array, depth: number, rowsMax: number): void {
  const rows = Math.floor(data.length / depth);
  const taken = Math.min(rows, rowsMax);
  for (let count = 0; count < taken; count += 1) {
    const first = Math.floor((count * rows) / taken) * depth;
    for (let i = 0; i < depth; i += 1) {
      const x = data[first + i] ?? 0;
      if (x !== 0) for (let j = 0; j < depth; j += 1) moments[i * depth + j] = (moments[i * depth + j] ?? 0) + x * (data[first + j] ?? 0);
    }
  }
}
