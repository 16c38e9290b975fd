/**
 * How real numbers become integers: `real = scale · (q − zeroPoint)`. Scales are computed in float64 and stored as float32, the
 * type the file and the kernels have (ONNX QuantizeLinear, opset 13 and 21).
 */

export type IntegerType = "uint8" | "int8" | "uint16" | "int16" | "uint4" | "int4";

export type NumberFormat = {
  readonly elementType: IntegerType;
  /** The levels the range is spread over; the scale is the range divided by `highest - lowest`. */
  readonly lowest: number;
  readonly highest: number;
  /** One zero point in the middle, so that `x` and `-x` have the same distance from it. */
  readonly symmetric: boolean;
};

/** Names say type, symmetry and, for seven bits in eight, `Reduced`: products of two such pairs fit the int16 sums of old x86 CPUs. */
export const NUMBER_FORMATS = {
  uint8: { elementType: "uint8", lowest: 0, highest: 255, symmetric: false },
  uint8Symmetric: { elementType: "uint8", lowest: 0, highest: 255, symmetric: true },
  uint8Reduced: { elementType: "uint8", lowest: 0, highest: 127, symmetric: false },
  int8: { elementType: "int8", lowest: -128, highest: 127, symmetric: false },
  int8Symmetric: { elementType: "int8", lowest: -127, highest: 127, symmetric: true },
  int8SymmetricReduced: { elementType: "int8", lowest: -64, highest: 64, symmetric: true },
  uint16: { elementType: "uint16", lowest: 0, highest: 65_535, symmetric: false },
  int16: { elementType: "int16", lowest: -32_768, highest: 32_767, symmetric: false },
  int16Symmetric: { elementType: "int16", lowest: -32_767, highest: 32_767, symmetric: true },
  uint4: { elementType: "uint4", lowest: 0, highest: 15, symmetric: false },
  int4Symmetric: { elementType: "int4", lowest: -8, highest: 7, symmetric: true },
} as const satisfies Record<string, NumberFormat>;

/** What the integer type itself can hold: results are cut here, also where the format uses fewer levels. */
const TYPE_LIMITS: Record<IntegerType, readonly [number, number]> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  uint4: [0, 15],
  int4: [-8, 7],
};

export type Range = { readonly min: number; readonly max: number };

/** `scale` is a float32 value, positive; `zeroPoint` an integer of `format`'s type. */
export type Quantisation = { readonly format: NumberFormat; readonly scale: number; readonly zeroPoint: number };

/** Smallest normal float32: a scale below it would make the kernels divide by a denormal. */
const FLOAT32_TINY = 2 ** -126;

/** Integer limits of a type, e.g. [-128, 127]. */
export function limitsOf(elementType: IntegerType): readonly [number, number] {
  return TYPE_LIMITS[elementType];
}

const ROUNDING_SHIFT = 1.5 * 2 ** 52;

/** Rounds to the nearest integer, halves to the even one, as IEEE 754 `rint` and every ONNX kernel do. For |x| < 2^51. */
export function rint(x: number): number {
  // Adding the shift leaves no bits for a fraction: the addition itself rounds.
  return x + ROUNDING_SHIFT - ROUNDING_SHIFT;
}

/**
 * Scale and zero point for a range, which is widened to hold 0 so that 0 stays exact. A range of nothing but 0 gets scale 1. Throws
 * RangeError when a bound is not finite or the bounds are the wrong way round.
 */
export function quantisationFor(format: NumberFormat, range: Range): Quantisation {
  if (!Number.isFinite(range.min) || !Number.isFinite(range.max) || range.min > range.max) {
    throw new RangeError(`no number format covers the range from ${range.min} to ${range.max}`);
  }
  const min = Math.min(range.min, 0);
  const max = Math.max(range.max, 0);
  const levels = format.highest - format.lowest;
  const scale = (format.symmetric ? 2 * Math.max(-min, max) : max - min) / levels;
  if (scale < FLOAT32_TINY) return { format, scale: 1, zeroPoint: format.symmetric ? middleOf(format) : startOf(format) };
  const zeroPoint = format.symmetric ? middleOf(format) : clamp(rint(format.lowest - min / scale), format.lowest, format.highest);
  return { format, scale: Math.fround(scale), zeroPoint };
}

function middleOf(format: NumberFormat): number {
  return rint((format.lowest + format.highest) / 2);
}

/** The zero point of a range that is 0 alone: the level nearest 0. */
function startOf(format: NumberFormat): number {
  return clamp(0, format.lowest, format.highest);
}

function clamp(x: number, low: number, high: number): number {
  return x < low ? low : x > high ? high : x;
}

/** The integer that stands for float32 `x`: the kernels divide in float32 and cut at the limits of the type, not of the format. */
export function quantise(x: number, { format, scale, zeroPoint }: Quantisation): number {
  const [low, high] = TYPE_LIMITS[format.elementType];
  return clamp(rint(Math.fround(x / scale)) + zeroPoint, low, high);
}

/** The real number an integer stands for, in float32 as DequantizeLinear gives it. */
export function dequantise(q: number, { scale, zeroPoint }: Pick<Quantisation, "scale" | "zeroPoint">): number {
  return Math.fround((q - zeroPoint) * scale);
}
