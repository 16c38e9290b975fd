import { numberToFloat16 } from "./float16.ts";
import { ModelRefusal, quoteName } from "./model-refusal.ts";
import { hashText, seededRandom } from "./random.ts";
import type { DimensionOverrides, ElementType, Tensor, TensorData, Tensors, TensorSpec } from "./types.ts";

/** Elements of all inputs together (256 MiB of float32): a model may declare an input of any size, we need not make it. */
const FEED_ELEMENTS_MAX = 2 ** 26;

/** A zero (empty string, false) for every element of every input. Throws `ModelRefusal` when the inputs are too large to make. */
export function zeroFeeds(inputs: readonly TensorSpec[], dimensions: DimensionOverrides = {}): Tensors {
  return makeFeeds(inputs, dimensions, () => null);
}

/**
 * Inputs that are the same for the same seed on every machine and in every version. Each input has a stream of its own
 * (mulberry32 seeded with `seed` XOR FNV-1a of its name), drawn once per element in row-major order, u in [0, 1):
 *
 * - float32, float64, float16: u, cut to a multiple of 1/2048 so that all three hold exactly the same numbers;
 * - uint8: 0–255 (images); int8: 0–127; 4-bit types: 0–7; int16, uint16: 0–9;
 * - int32, int64, uint32, uint64, bool: 0 or 1, valid as token, mask and type ids alike;
 * - string: "" or "a" … "z".
 */
export function syntheticFeeds(inputs: readonly TensorSpec[], seed: number, dimensions: DimensionOverrides = {}): Tensors {
  return makeFeeds(inputs, dimensions, (spec) => {
    const next = seededRandom(seed ^ hashText(spec.name));
    return () => Math.floor(next() * FRACTION_STEPS) / FRACTION_STEPS;
  });
}

const FRACTION_STEPS = 2_048;

/** The shape with symbolic dimensions filled in: from `dimensions` by name, else 1. */
export function concreteShape(shape: readonly (number | string)[], dimensions: DimensionOverrides = {}): number[] {
  return shape.map((dim) => {
    if (typeof dim === "number") return dim;
    const chosen = Object.hasOwn(dimensions, dim) ? dimensions[dim] : undefined;
    return chosen ?? 1;
  });
}

/** `source` gives the stream of numbers for an input, or null for zeros. Nothing is made before all sizes are known to fit. */
function makeFeeds(inputs: readonly TensorSpec[], dimensions: DimensionOverrides, source: (spec: TensorSpec) => (() => number) | null): Tensors {
  let total = 0;
  const shaped = inputs.map((spec) => {
    const shape = concreteShape(spec.shape, dimensions);
    const elements = shape.reduce((product, dim) => product * dim, 1);
    total += elements;
    if (!(total <= FEED_ELEMENTS_MAX)) {
      throw new ModelRefusal("tensor_too_large", `input "${quoteName(spec.name)}" of shape ${shape.join(" × ")} is too large to make up`);
    }
    return { spec, shape, elements };
  });
  return Object.fromEntries(
    shaped.map(({ spec, shape, elements }): [string, Tensor] => {
      const data = emptyData(spec.elementType, elements);
      const next = source(spec);
      if (next !== null) fill(data, spec.elementType, next);
      return [spec.name, { elementType: spec.elementType, shape, data: data as TensorData }];
    }),
  );
}

type WritableData = { length: number; [index: number]: number | bigint | string };

function fill(data: WritableData, type: ElementType, next: () => number): void {
  const small = (limit: number) => Math.floor(next() * limit);
  for (let index = 0; index < data.length; index += 1) data[index] = element(type, next, small);
}

function element(type: ElementType, next: () => number, small: (limit: number) => number): number | bigint | string {
  switch (type) {
    case "float32":
    case "float64":
      return next();
    case "float16":
      return numberToFloat16(next());
    case "uint8":
      return small(256);
    case "int8":
      return small(128);
    case "int16":
    case "uint16":
      return small(10);
    case "int64":
    case "uint64":
      return BigInt(small(2));
    case "string": {
      const letter = small(27);
      return letter === 0 ? "" : String.fromCharCode(96 + letter);
    }
    case "int4":
    case "uint4":
      return small(8) | (small(8) << 4);
    default:
      return small(2);
  }
}

/** A writable array of the right kind; 4-bit types share a byte between two elements. */
function emptyData(type: ElementType, count: number): WritableData {
  const make: Record<ElementType, () => unknown> = {
    float32: () => new Float32Array(count),
    float64: () => new Float64Array(count),
    float16: () => new Uint16Array(count),
    int8: () => new Int8Array(count),
    int16: () => new Int16Array(count),
    int32: () => new Int32Array(count),
    int64: () => new BigInt64Array(count),
    uint8: () => new Uint8Array(count),
    uint16: () => new Uint16Array(count),
    uint32: () => new Uint32Array(count),
    uint64: () => new BigUint64Array(count),
    bool: () => new Uint8Array(count),
    string: () => Array.from({ length: count }, () => ""),
    int4: () => new Uint8Array(Math.ceil(count / 2)),
    uint4: () => new Uint8Array(Math.ceil(count / 2)),
  };
  return make[type]() as WritableData;
}
