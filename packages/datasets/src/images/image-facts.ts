/** What the first bytes of an image declare. Own code, because it must hold before a decoder sees the file. */
export type ImageFacts = {
  readonly format: "png" | "jpeg" | "webp" | "gif";
  /** As stored; a camera's rotation is not applied. */
  readonly width: number;
  readonly height: number;
  readonly isGrey: boolean;
};

const PNG_SIGNATURE = "89504e470d0a1a0a";

/** Null: none of the four formats, or cut off before its size. */
export function imageFacts(bytes: Uint8Array): ImageFacts | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 30) return null;
  if (Buffer.from(bytes.subarray(0, 8)).toString("hex") === PNG_SIGNATURE) return pngFacts(view);
  if (view.getUint16(0) === 0xffd8) return jpegFacts(view);
  const text = Buffer.from(bytes.subarray(0, 16)).toString("latin1");
  if (/^GIF8[79]a/.test(text)) return { format: "gif", width: view.getUint16(6, true), height: view.getUint16(8, true), isGrey: false };
  if (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") return webpFacts(view, text.slice(12, 16));
  return null;
}

/** PNG (W3C, third edition) 11.2.1: IHDR comes first; colour types 0 and 4 are grey. */
function pngFacts(view: DataView): ImageFacts | null {
  if (view.getUint32(12) !== 0x49484452) return null;
  const colourType = view.getUint8(25);
  return { format: "png", width: view.getUint32(16), height: view.getUint32(20), isGrey: colourType === 0 || colourType === 4 };
}

/** ITU-T T.81 B.2.2: the size stands in the first start-of-frame segment (C0 to CF without C4, C8, CC). */
function jpegFacts(view: DataView): ImageFacts | null {
  let position = 2;
  while (position + 9 < view.byteLength) {
    if (view.getUint8(position) !== 0xff) return null;
    const marker = view.getUint8(position + 1);
    if (marker === 0xff) {
      position += 1;
      continue;
    }
    const hasNoLength = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    if (hasNoLength) {
      position += 2;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { format: "jpeg", height: view.getUint16(position + 5), width: view.getUint16(position + 7), isGrey: view.getUint8(position + 9) === 1 };
    position += 2 + view.getUint16(position + 2);
  }
  return null;
}

/** WebP container (Google, "WebP Container Specification"): lossy, lossless and extended each keep the size elsewhere. */
function webpFacts(view: DataView, chunk: string): ImageFacts | null {
  if (chunk === "VP8 ") return { format: "webp", width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff, isGrey: false };
  if (chunk === "VP8L") {
    const bits = view.getUint32(21, true);
    return { format: "webp", width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, isGrey: false };
  }
  if (chunk === "VP8X") {
    const low = (at: number): number => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    return { format: "webp", width: low(24) + 1, height: low(27) + 1, isGrey: false };
  }
  return null;
}
