import { float16ToNumber } from "../float16.ts";
import { elementCount } from "./element-layout.ts";
import type { OnnxTensor } from "./types.ts";

/** Types that are typed arrays of the platform, which is little-endian like the file. */
const NATIVE: Readonly<Record<string, (buffer: ArrayBuffer) => ArrayLike<number>>> = {
  float32: (buffer) => new Float32Array(buffer),
  float64: (buffer) => new Float64Array(buffer),
  int8: (buffer) => new Int8Array(buffer),
  uint8: (buffer) => new Uint8Array(buffer),
  int16: (buffer) => new Int16Array(buffer),
  uint16: (buffer) => new Uint16Array(buffer),
  int32: (buffer) => new Int32Array(buffer),
  uint32: (buffer) => new Uint32Array(buffer),
};

type Decoder = (view: DataView, index: number) => number;

const DECODERS: Readonly<Record<string, Decoder>> = {
  float16: (view, index) => float16ToNumber(view.getUint16(index * 2, true)),
  bfloat16: (view, index) => bfloat16ToNumber(view.getUint16(index * 2, true)),
  bool: (view, index) => (view.getUint8(index) === 0 ? 0 : 1),
  int64: (view, index) => Number(view.getBigInt64(index * 8, true)),
  uint64: (view, index) => Number(view.getBigUint64(index * 8, true)),
  uint4: (view, index) => packed(view, index, 4),
  int4: (view, index) => signed(packed(view, index, 4), 4),
  uint2: (view, index) => packed(view, index, 2),
  int2: (view, index) => signed(packed(view, index, 2), 2),
  float4e2m1: (view, index) => smallFloat(packed(view, index, 4), { exponentBits: 2, fractionBits: 1, bias: 1 }),
  float8e4m3fn: (view, index) => float8(view.getUint8(index), { exponentBits: 4, fractionBits: 3, bias: 7 }, (bits) => (bits & 0x7f) === 0x7f),
  float8e4m3fnuz: (view, index) => float8(view.getUint8(index), { exponentBits: 4, fractionBits: 3, bias: 8 }, (bits) => bits === 0x80),
  float8e5m2: (view, index) => float16ToNumber(view.getUint8(index) << 8),
  float8e5m2fnuz: (view, index) => float8(view.getUint8(index), { exponentBits: 5, fractionBits: 2, bias: 16 }, (bits) => bits === 0x80),
  float8e8m0: (view, index) => (view.getUint8(index) === 0xff ? Number.NaN : 2 ** (view.getUint8(index) - 127)),
};

/**
 * The elements of a tensor as doubles, row-major. 64-bit integers beyond 2^53 are rounded, booleans become 0 and 1. Throws
 * `RangeError` for strings and complex numbers. Layouts of the small types: ONNX, "Float stored in 8 bits" and "… in 4 bits".
 */
export function tensorNumbers(tensor: OnnxTensor): Float64Array {
  const { data, elementType } = tensor;
  const native = Object.hasOwn(NATIVE, elementType) ? NATIVE[elementType] : undefined;
  // A copy, since views into a file need not be aligned.
  if (native !== undefined && !Array.isArray(data)) return Float64Array.from(native(new Uint8Array(data).buffer));
  const decode = Object.hasOwn(DECODERS, elementType) ? DECODERS[elementType] : undefined;
  if (Array.isArray(data) || decode === undefined) throw new RangeError(`tensor ${tensor.name} of ${elementType} holds no numbers`);
  const out = new Float64Array(elementCount(tensor.dims));
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let index = 0; index < out.length; index += 1) out[index] = decode(view, index);
  return out;
}

function bfloat16ToNumber(bits: number): number {
  SCRATCH.setUint32(0, bits * 2 ** 16);
  return SCRATCH.getFloat32(0);
}

const SCRATCH = new DataView(new ArrayBuffer(4));

/** Element `index` of a packed type; the first one stands in the lowest bits. */
function packed(view: DataView, index: number, bits: 2 | 4): number {
  const perByte = 8 / bits;
  return (view.getUint8(Math.floor(index / perByte)) >>> ((index % perByte) * bits)) & (2 ** bits - 1);
}

function signed(value: number, bits: number): number {
  return value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}

type FloatLayout = { readonly exponentBits: number; readonly fractionBits: number; readonly bias: number };

function float8(bits: number, layout: FloatLayout, isNaN: (bits: number) => boolean): number {
  return isNaN(bits) ? Number.NaN : smallFloat(bits, layout);
}

function smallFloat(bits: number, { exponentBits, fractionBits, bias }: FloatLayout): number {
  const sign = bits >>> (exponentBits + fractionBits) === 0 ? 1 : -1;
  const exponent = (bits >>> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}
