import type { Tensor, TensorData } from "@flotilla/runtime";
import type { DotLayer, Filters, Finish, InputParams, PatchLayout } from "./dot-layer.ts";
import { emptyOutput, multipliers, sumOffsets } from "./dot-layer.ts";
import type { DotProducts } from "./dot-products.ts";

/**
 * "exact": 32-bit sums, as CPUs with VNNI (AVX512-VNNI, AVX-VNNI, AMX) and ARM have. "saturating": x86 CPUs without, which add
 * neighbouring products of uint8 and int8 in 16 bits.
 */
export type Arithmetic = "exact" | "saturating";

/** Patches worked on at a time stay in a core's cache. */
const PATCH_BYTES = 256 * 1024;

/** Activations and what they stand for. */
export type LayerInput = { readonly activations: Tensor; readonly params: InputParams };

/** Computes a layer as ONNX Runtime does, bit for bit. `events` counts pairs of products that did not fit 16 bits. */
export function computeLayer(layer: DotLayer, { activations, params }: LayerInput, arithmetic: Arithmetic, dot: DotProducts): { readonly output: Tensor; readonly events: number } {
  const { filters, finish } = layer;
  const factors = multipliers(finish, params.scale, filters.groups * filters.columns);
  const offsets = sumOffsets(filters, params.zero);
  const layout = layer.layOut(activations.shape);
  const output = emptyOutput(finish, layout.outputShape);
  const kernel = arithmetic === "saturating" && layer.isPaired ? "clipped" : "exact";
  const chunk = Math.max(1, Math.floor(PATCH_BYTES / (filters.paddedDepth * 2)));
  let events = 0;
  for (let group = 0; group < filters.groups; group += 1) {
    const size = filters.columns * filters.paddedDepth;
    dot.setFilters(filters.values.subarray(group * size, (group + 1) * size), filters.columns, filters.paddedDepth);
    for (let firstRow = 0; firstRow < layout.rows; firstRow += chunk) {
      const rows = Math.min(chunk, layout.rows - firstRow);
      const patches = dot.patches(rows);
      layout.fill(numbersOf(activations.data), group, firstRow, rows, patches);
      const { sums, events: clipped } = dot.sums(rows, kernel);
      events += clipped;
      if (filters.hasZeros) takeOffFilterZeros(sums, patches, filters, group);
      writeOutputs(output.data, sums, { filters, finish, factors, offsets, layout, group, firstRow, rows });
    }
  }
  return { output, events };
}

function numbersOf(data: TensorData): ArrayLike<number> {
  return data as Uint8Array;
}

/** Filters with a zero point: each sum is off by that zero point times the sum of its patch. */
function takeOffFilterZeros(sums: Int32Array, patches: Int16Array, { columns, depth, paddedDepth, zeros }: Filters, group: number): void {
  for (let row = 0, at = 0; at < sums.length; row += 1) {
    let patchSum = 0;
    for (let k = row * paddedDepth; k < row * paddedDepth + depth; k += 1) patchSum += patches[k] ?? 0;
    for (let column = 0; column < columns; column += 1, at += 1) sums[at] = (sums[at] ?? 0) - (zeros[group * columns + column] ?? 0) * patchSum;
  }
}

type Block = {
  readonly filters: Filters;
  readonly finish: Finish;
  readonly factors: Float32Array;
  readonly offsets: Int32Array;
  readonly layout: PatchLayout;
  readonly group: number;
  readonly firstRow: number;
  readonly rows: number;
};

/** Offsets, scale, rounding half to even, limits: `y = clamp(rint(f32(sum) · m) + z)`, all in float32 as MLAS does it. */
function writeOutputs(into: Uint8Array | Int8Array | Float32Array, sums: Int32Array, { filters, finish, factors, offsets, layout, group, firstRow, rows }: Block): void {
  const { columns, groups } = filters;
  const { zero, floatBias } = finish;
  const { spatial } = layout;
  const isFloat = finish.elementType === "float32";
  const [low, high] = finish.elementType === "int8" ? [-128, 127] : [0, 255];
  const imageStride = groups * columns * spatial;
  for (let row = 0, at = 0; row < rows; row += 1) {
    const position = (firstRow + row) % spatial;
    let index = Math.floor((firstRow + row) / spatial) * imageStride + group * columns * spatial + position;
    for (let column = 0, filter = group * columns; column < columns; column += 1, filter += 1, at += 1, index += spatial) {
      const sum = ((sums[at] ?? 0) + (offsets[filter] ?? 0)) | 0;
      const scaled = Math.fround(Math.fround(sum) * (factors[filter] ?? 0));
      if (isFloat) {
        into[index] = scaled + (floatBias?.[filter] ?? 0);
      } else {
        const value = scaled + HALF_EVEN - HALF_EVEN + zero;
        into[index] = value < low ? low : value > high ? high : value;
      }
    }
  }
}

/** Adding and taking off this number rounds to the nearest integer, halves to even, for |x| < 2^51. */
const HALF_EVEN = 1.5 * 2 ** 52;
