import type { InputElementType } from "./preprocessing.ts";

export type InputData = Float32Array | Uint8Array | Uint16Array;

/** Float32 numbers as a model's element type. Bytes round to nearest and clamp; half precision rounds to nearest, ties to even. */
export function asElementType(values: Float32Array, elementType: InputElementType): InputData {
  if (elementType === "float32") return values;
  if (elementType === "float16") return Uint16Array.from(values, halfBits);
  return Uint8Array.from(values, (value) => Math.min(255, Math.max(0, Math.round(value))));
}

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** IEEE 754 half-precision bits of a single-precision number. */
function halfBits(value: number): number {
  single[0] = value;
  const all = bits[0] ?? 0;
  const sign = (all >>> 16) & 0x8000;
  const magnitude = all & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65,520 and more.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below 2^-14 numbers are 2^-24 apart; adding 0.5 (whose last bit is 2^-24) makes the hardware round to that.
  if (magnitude < 0x38800000) {
    single[0] = Math.abs(value) + 0.5;
    return sign | ((bits[0] ?? 0) - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}
