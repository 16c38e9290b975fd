/** How numbers of an array file lie on disk. */
export type NumberType = {
  readonly kind: "uint" | "int" | "float" | "bool";
  readonly bytes: 1 | 2 | 4 | 8;
  readonly isLittleEndian: boolean;
};

type Read = (view: DataView, at: number) => number;

/** A reader of one number. 64-bit integers come as the nearest double. */
export function numberReader({ kind, bytes, isLittleEndian: little }: NumberType): Read {
  if (kind === "float") return bytes === 2 ? (view, at) => halfToNumber(view.getUint16(at, little)) : bytes === 4 ? (view, at) => view.getFloat32(at, little) : (view, at) => view.getFloat64(at, little);
  if (kind === "int") {
    if (bytes === 1) return (view, at) => view.getInt8(at);
    if (bytes === 2) return (view, at) => view.getInt16(at, little);
    return bytes === 4 ? (view, at) => view.getInt32(at, little) : (view, at) => Number(view.getBigInt64(at, little));
  }
  if (bytes === 1) return kind === "bool" ? (view, at) => (view.getUint8(at) === 0 ? 0 : 1) : (view, at) => view.getUint8(at);
  if (bytes === 2) return (view, at) => view.getUint16(at, little);
  return bytes === 4 ? (view, at) => view.getUint32(at, little) : (view, at) => Number(view.getBigUint64(at, little));
}

/** IEEE 754 half precision from its bits. */
function halfToNumber(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
