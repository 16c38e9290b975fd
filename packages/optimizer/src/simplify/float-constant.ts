import { numberToFloat16 } from "@flotilla/runtime";
import { rawTensor } from "@flotilla/runtime/ir";
import type { OnnxTensor } from "@flotilla/runtime/ir";

/** Element types whose constants can be computed with in float64 and rounded once. */
export type FloatType = "float32" | "float64" | "float16";

export function isFloatType(elementType: string | null | undefined): elementType is FloatType {
  return elementType === "float32" || elementType === "float64" || elementType === "float16";
}

/** A tensor without a name of these float64 numbers, each rounded once. */
export function floatConstant(elementType: FloatType, dims: readonly number[], numbers: ArrayLike<number>): OnnxTensor {
  return rawTensor("", elementType, dims, bytesOf(packed(elementType, numbers)));
}

/** Whether all numbers are finite in that type: a fold that overflows is none. */
export function fits(elementType: FloatType, numbers: ArrayLike<number>): boolean {
  const limit = { float16: 65_504, float32: 3.402_823_466_385_288_6e38, float64: Number.MAX_VALUE }[elementType];
  return Array.prototype.every.call(numbers, (value: number) => Math.abs(value) <= limit);
}

function packed(elementType: FloatType, numbers: ArrayLike<number>): Float32Array | Float64Array | Uint16Array {
  switch (elementType) {
    case "float32":
      return Float32Array.from(numbers);
    case "float64":
      return Float64Array.from(numbers);
    case "float16":
      return Uint16Array.from(numbers, numberToFloat16);
  }
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
