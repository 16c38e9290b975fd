import { elementCount } from "../element-layout.ts";
import { rawTensor } from "../tensors.ts";
import { tensorNumbers } from "../tensor-numbers.ts";
import type { OnnxElementType, OnnxTensor } from "../types.ts";

/** A size that is known, a named one (equal names are equal sizes), or an unknown one. */
export type Dim = number | string | null;

/** What is known of a value. `elementType` is "undefined" and `shape` null where nothing is. */
export type Value = {
  readonly elementType: OnnxElementType;
  readonly shape: readonly Dim[] | null;
  /** Elements of a small tensor, row-major, as far as they are known: how shape arithmetic is followed. */
  readonly numbers: readonly Dim[] | null;
  /** The tensor behind an initializer or a Constant node. */
  readonly constant: OnnxTensor | null;
};

/** Whole numbers up to which values are followed: shapes, indices, masks. */
export const NUMBERS_MAX = 1_024;

/** Fractions up to which values are followed: the scales of a Resize and the like. Weights are no concern of shapes. */
const FRACTIONS_MAX = 32;

/** Elements up to which values of a type are followed. */
export function followedMax(elementType: OnnxElementType): number {
  return elementType.includes("float") ? FRACTIONS_MAX : NUMBERS_MAX;
}

export const UNKNOWN: Value = { elementType: "undefined", shape: null, numbers: null, constant: null };

/** A value of a type and a shape, with its elements where they are few and fully shaped. */
export function value(elementType: OnnxElementType, shape: readonly Dim[] | null, numbers: readonly Dim[] | null = null): Value {
  const kept = numbers !== null && numbers.length <= followedMax(elementType) && knownCount(shape) === numbers.length ? numbers : null;
  return { elementType, shape, numbers: kept, constant: null };
}

/** The value of a constant tensor. Elements are read when somebody asks. */
export function constantValue(tensor: OnnxTensor): Value {
  let numbers: readonly number[] | null | undefined;
  return {
    elementType: tensor.elementType,
    shape: tensor.dims,
    constant: tensor,
    get numbers() {
      numbers ??= smallNumbers(tensor);
      return numbers;
    },
  };
}

function smallNumbers(tensor: OnnxTensor): readonly number[] | null {
  if (elementCount(tensor.dims) > followedMax(tensor.elementType) || Array.isArray(tensor.data) || tensor.elementType.startsWith("complex")) return null;
  return Array.from(tensorNumbers(tensor));
}

/** The number of elements, or null. */
export function knownCount(shape: readonly Dim[] | null): number | null {
  if (shape === null) return null;
  let count = 1;
  for (const dim of shape) {
    if (typeof dim !== "number") return null;
    count *= dim;
  }
  return count;
}

/** All elements as numbers, or null when one is not known. */
export function knownNumbers(numbers: readonly Dim[] | null): readonly number[] | null {
  return numbers !== null && numbers.every((number) => typeof number === "number") ? (numbers as readonly number[]) : null;
}

const ARRAYS: Readonly<Record<string, (numbers: readonly number[]) => ArrayBufferView<ArrayBuffer>>> = {
  int64: (numbers) => BigInt64Array.from(numbers, (number) => BigInt(number)),
  int32: (numbers) => Int32Array.from(numbers),
  float32: (numbers) => Float32Array.from(numbers),
  float64: (numbers) => Float64Array.from(numbers),
  bool: (numbers) => Uint8Array.from(numbers),
  uint8: (numbers) => Uint8Array.from(numbers),
  int8: (numbers) => Int8Array.from(numbers),
};

/** The tensor behind a value all of whose elements are known; null when they are not, or may have been rounded. */
export function constantOf(name: string, known: Value): OnnxTensor | null {
  if (known.constant !== null) return known.constant.name === name ? known.constant : { ...known.constant, name };
  const numbers = knownNumbers(known.numbers);
  const shape = known.shape as readonly number[] | null;
  const make = Object.hasOwn(ARRAYS, known.elementType) ? ARRAYS[known.elementType] : undefined;
  if (numbers === null || shape === null || make === undefined) return null;
  if (known.elementType === "int64" && !numbers.every(Number.isSafeInteger)) return null;
  const array = make(numbers);
  return rawTensor(name, known.elementType, shape, new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
}

/** The size two equal dimensions have; null when it cannot be told. */
function eitherDim(a: Dim, b: Dim): Dim {
  if (a === b) return a;
  return null;
}

/** What holds for both of two values: of either branch of an If, of every round of a Loop. */
export function commonValue(a: Value, b: Value): Value {
  const elementType = a.elementType === b.elementType ? a.elementType : "undefined";
  const { shape } = a;
  const other = b.shape;
  if (shape === null || other === null || shape.length !== other.length) return value(elementType, null);
  return value(elementType, shape.map((dim, axis) => eitherDim(dim, other[axis] ?? null)));
}

/** One dimension of a broadcast. Of two sizes one of which is more than 1, that one is the result in every valid model. */
function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === b) return a;
  if (a === 1) return b;
  if (b === 1) return a;
  if (typeof a === "number") return a;
  if (typeof b === "number") return b;
  return null;
}

/** NumPy's broadcasting of any number of shapes; null when one is not known. */
export function broadcast(shapes: readonly (readonly Dim[] | null)[]): Dim[] | null {
  let out: Dim[] = [];
  for (const shape of shapes) {
    if (shape === null) return null;
    const rank = Math.max(out.length, shape.length);
    const at = (dims: readonly Dim[], axis: number): Dim => {
      const index = axis - (rank - dims.length);
      return index < 0 ? 1 : (dims[index] ?? null);
    };
    const left = out;
    out = Array.from({ length: rank }, (_, axis) => broadcastDim(at(left, axis), at(shape, axis)));
  }
  return out;
}

/** An axis counted from the front; null when it lies outside the rank. */
export function frontAxis(axis: number, rank: number): number | null {
  const front = axis < 0 ? axis + rank : axis;
  return Number.isInteger(front) && front >= 0 && front < rank ? front : null;
}
