import type { Tensor } from "@flotilla/runtime";
import type { OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { tensorNumbers } from "@flotilla/runtime/ir";
import { DEPTH_STEP } from "./dot-products.ts";

/**
 * A kernel of ONNX Runtime that sums products of 8-bit integers, in the order in which its CPU kernels sum: patches of activations
 * times filters. A convolution has groups, a matrix product one.
 */
export type DotLayer = {
  readonly node: OnnxNode;
  readonly opType: string;
  readonly activations: string;
  /** Scale and zero point of the activations; null when they are ranged at run time (`ranged`). */
  readonly input: InputParams | null;
  /** Names of the values that give scale and zero point at run time. */
  readonly ranged: { readonly scale: string; readonly zero: string } | null;
  readonly output: string;
  readonly filters: Filters;
  readonly finish: Finish;
  /** Whether some CPU adds neighbouring products in 16 bits: uint8 activations, int8 weights, and not one filter a channel. */
  readonly isPaired: boolean;
  layOut(shape: readonly number[]): PatchLayout;
};

export type InputParams = { readonly scale: number; readonly zero: number };

export type Filters = {
  readonly groups: number;
  /** Filters per group. */
  readonly columns: number;
  /** Products per sum, before padding to `paddedDepth`. */
  readonly depth: number;
  readonly paddedDepth: number;
  /** Raw integers [group][column][paddedDepth]. */
  readonly values: Int16Array;
  /** Sum of the weights of each filter, its int32 bias, and its zero point. */
  readonly sums: Int32Array;
  readonly biases: Int32Array;
  readonly zeros: Int32Array;
  /** Whether some filter has a zero point other than 0: then the sum of each patch counts as well. */
  readonly hasZeros: boolean;
};

/** How a sum becomes an output. */
export type Finish = {
  /** One for all filters, or one each. */
  readonly weightScales: Float64Array;
  /** Null for kernels that give floats. */
  readonly outputScale: number | null;
  readonly elementType: "uint8" | "int8" | "float32";
  readonly zero: number;
  /** float32 bias per filter of kernels that give floats; null without. */
  readonly floatBias: Float32Array | null;
};

export type PatchLayout = {
  readonly outputShape: readonly number[];
  /** Sums per filter. */
  readonly rows: number;
  /** Positions of one image: row r stands at [r / spatial, filter, r % spatial] of the output. */
  readonly spatial: number;
  /** Writes patches of `rowCount` rows from `firstRow` on, each `paddedDepth` long. */
  fill(data: ArrayLike<number>, group: number, firstRow: number, rowCount: number, into: Int16Array): void;
};

/** Why a node cannot be emulated. */
export class NotEmulated extends Error {}

/** Constant inputs of a node of the fused graph. */
export type Constants = (name: string) => OnnxTensor | null;

export function constantNumbers(constants: Constants, name: string | undefined, what: string): Float64Array {
  const tensor = name === undefined || name === "" ? null : constants(name);
  if (tensor === null) throw new NotEmulated(`${what} is not constant`);
  return tensorNumbers(tensor);
}

function elementTypeOf(constants: Constants, name: string | undefined): string | null {
  return name === undefined || name === "" ? null : (constants(name)?.elementType ?? null);
}

export type FilterSource = {
  readonly groups: number;
  readonly columns: number;
  readonly depth: number;
  readonly zeros: Float64Array;
  /** int32 bias per filter, or null. */
  readonly bias: Float64Array | null;
  weight(filter: number, k: number): number;
};

/** Lays filters out for the kernel and adds up their weights. */
export function packFilters(source: FilterSource): Filters {
  const { groups, columns, depth, bias } = source;
  const count = groups * columns;
  const paddedDepth = Math.ceil(depth / DEPTH_STEP) * DEPTH_STEP;
  const values = new Int16Array(count * paddedDepth);
  const sums = new Int32Array(count);
  for (let filter = 0; filter < count; filter += 1) {
    let sum = 0;
    for (let k = 0; k < depth; k += 1) {
      const weight = source.weight(filter, k);
      values[filter * paddedDepth + k] = weight;
      sum += weight;
    }
    sums[filter] = sum;
  }
  const zeros = Int32Array.from({ length: count }, (_, filter) => source.zeros[source.zeros.length === 1 ? 0 : filter] ?? 0);
  const biases = Int32Array.from({ length: count }, (_, filter) => bias?.[filter] ?? 0);
  return { groups, columns, depth, paddedDepth, values, sums, biases, zeros, hasZeros: zeros.some((zero) => zero !== 0) };
}

/** What is added to the raw sum of each filter: Σ (x − zx)(w − zw) = Σ x·w − zx·Σ w − zw·Σ x + depth·zx·zw, and the bias. */
export function sumOffsets({ sums, biases, zeros, depth }: Filters, activationZero: number): Int32Array {
  return sums.map((sum, filter) => (biases[filter] ?? 0) - activationZero * sum + depth * activationZero * (zeros[filter] ?? 0));
}

/** float32 factor of each filter's sum: the product of the scales, over the output's scale where there is one, `f32(f32(x · w) / y)`. */
export function multipliers({ weightScales, outputScale }: Finish, inputScale: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, filter) => {
    const product = Math.fround(inputScale * (weightScales[weightScales.length === 1 ? 0 : filter] ?? 0));
    return outputScale === null ? product : Math.fround(product / outputScale);
  });
}

/** Scale and zero point of a kernel's output. */
export function quantisedFinish(constants: Constants, names: { readonly scale: string | undefined; readonly zero: string | undefined }, weightScales: Float64Array): Finish {
  const elementType = elementTypeOf(constants, names.zero);
  if (elementType !== "uint8" && elementType !== "int8") throw new NotEmulated(`its output is ${elementType ?? "without a zero point"}`);
  const outputScale = constantNumbers(constants, names.scale, "its output's scale")[0] ?? 0;
  return { weightScales, outputScale, elementType, zero: constantNumbers(constants, names.zero, "its output's zero point")[0] ?? 0, floatBias: null };
}

/** Scale and zero point of the activations, which are uint8 0 where no zero point is given. */
export function inputParams(constants: Constants, scale: string | undefined, zero: string | undefined): InputParams {
  const hasZero = zero !== undefined && zero !== "";
  return {
    scale: constantNumbers(constants, scale, "its scale")[0] ?? 0,
    zero: hasZero ? (constantNumbers(constants, zero, "its zero point")[0] ?? 0) : 0,
  };
}

export function isPairedOn(constants: Constants, activationZero: string | undefined, weight: string | undefined): boolean {
  return (elementTypeOf(constants, activationZero) ?? "uint8") === "uint8" && elementTypeOf(constants, weight) === "int8";
}

/** An output tensor of a finish, zero-filled. */
export function emptyOutput(finish: Finish, shape: readonly number[]): Tensor & { readonly data: Uint8Array | Int8Array | Float32Array } {
  const count = shape.reduce((product, dim) => product * dim, 1);
  const make = { uint8: Uint8Array, int8: Int8Array, float32: Float32Array }[finish.elementType];
  return { elementType: finish.elementType, shape, data: new make(count) };
}
