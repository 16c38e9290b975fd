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
  readonly output: string;
  readonly filters: Filters;
  readonly finish: Finish;
  /** Whether some CPU adds neighbouring products in 16 bits: uint8 activations, int8 weights, and not one filter a channel. */
  readonly isPaired: boolean;
  layOut(shape: readonly number[]): PatchLayout;
};

export type Filters = {
  readonly groups: number;
  /** Filters per group. */
  readonly columns: number;
  /** Products per sum, before padding to `paddedDepth`. */
  readonly depth: number;
  readonly paddedDepth: number;
  /** Raw integers [group][column][paddedDepth]. */
  readonly values: Int16Array;
  /** Per filter: what is added to its raw sum so that zero points of the activations are taken off, and the bias. */
  readonly offsets: Int32Array;
  /** Zero point per filter, and that of the activations: a filter zero point other than 0 needs the sum of each patch as well. */
  readonly zeros: Int32Array;
  readonly hasZeros: boolean;
  readonly activationZero: number;
};

/** How a sum becomes an output. */
export type Finish = {
  /** float32 factor per filter, all groups. */
  readonly multipliers: Float32Array;
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

export function elementTypeOf(constants: Constants, name: string | undefined): string | null {
  return name === undefined || name === "" ? null : (constants(name)?.elementType ?? null);
}

export type FilterSource = {
  readonly groups: number;
  readonly columns: number;
  readonly depth: number;
  readonly zeros: Float64Array;
  readonly activationZero: number;
  /** int32 bias per filter, or null. */
  readonly bias: Float64Array | null;
  weight(filter: number, k: number): number;
};

/** Lays filters out for the kernel and works out what their sums are off by. */
export function packFilters(source: FilterSource): Filters {
  const { groups, columns, depth, activationZero, bias } = source;
  const count = groups * columns;
  const paddedDepth = Math.ceil(depth / DEPTH_STEP) * DEPTH_STEP;
  const values = new Int16Array(count * paddedDepth);
  const offsets = new Int32Array(count);
  const zeros = Int32Array.from({ length: count }, (_, filter) => source.zeros[source.zeros.length === 1 ? 0 : filter] ?? 0);
  for (let filter = 0; filter < count; filter += 1) {
    let sum = 0;
    for (let k = 0; k < depth; k += 1) {
      const weight = source.weight(filter, k);
      values[filter * paddedDepth + k] = weight;
      sum += weight;
    }
    // Σ (x − zx)(w − zw) = Σ x·w − zx·Σ w − zw·Σ x + depth·zx·zw
    offsets[filter] = (bias?.[filter] ?? 0) - activationZero * sum + depth * activationZero * (zeros[filter] ?? 0);
  }
  return { groups, columns, depth, paddedDepth, values, offsets, zeros, hasZeros: zeros.some((zero) => zero !== 0), activationZero };
}

/** float32 products of scales, over the output's scale where there is one: `f32(f32(x · w) / y)` per filter. */
export function multipliers(input: number, weights: Float64Array, output: number | null, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, filter) => {
    const product = Math.fround(input * (weights[weights.length === 1 ? 0 : filter] ?? 0));
    return output === null ? product : Math.fround(product / output);
  });
}

/** Scale and zero point of a kernel's output. */
export function quantisedFinish(constants: Constants, zeroName: string | undefined, factors: Float32Array): Finish {
  const elementType = elementTypeOf(constants, zeroName);
  if (elementType !== "uint8" && elementType !== "int8") throw new NotEmulated(`its output is ${elementType ?? "without a zero point"}`);
  return { multipliers: factors, elementType, zero: constantNumbers(constants, zeroName, "its output's zero point")[0] ?? 0, floatBias: null };
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
