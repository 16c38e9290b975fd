/** Rows of 8-bit pixels, channels last. */
export type Pixels = { readonly pixels: Uint8Array; readonly width: number; readonly height: number; readonly channels: number };

/** Weights are rounded to 2^-22: 255 × 2^22 still fits into 31 bits, so sums are exact whole numbers on every machine. */
const WEIGHT_STEPS = 2 ** 22;

/**
 * Resampling with a triangle filter that widens when shrinking (antialiased bilinear), first along rows, then along columns, rounded to 8 bits after
 * each: the method of Pillow's `resize(…, BILINEAR)`. In plain whole-number arithmetic, so the same everywhere.
 */
export function resizePixels(image: Pixels, width: number, height: number): Pixels {
  if (image.width === width && image.height === height) return image;
  const { channels } = image;
  const narrow = new Uint8Array(width * image.height * channels);
  const across = filterTaps(image.width, width);
  for (let row = 0; row < image.height; row += 1) {
    resampleLine(image.pixels, row * image.width * channels, channels, narrow, row * width * channels, channels, across, channels);
  }
  const pixels = new Uint8Array(width * height * channels);
  const down = filterTaps(image.height, height);
  for (let column = 0; column < width; column += 1) {
    resampleLine(narrow, column * channels, width * channels, pixels, column * channels, width * channels, down, channels);
  }
  return { pixels, width, height, channels };
}

type Taps = { readonly first: Int32Array; readonly weights: readonly Int32Array[] };

function filterTaps(from: number, to: number): Taps {
  const scale = from / to;
  const radius = Math.max(scale, 1);
  const first = new Int32Array(to);
  const weights = Array.from({ length: to }, (_, at) => {
    const centre = (at + 0.5) * scale;
    const start = Math.max(0, Math.floor(centre - radius + 0.5));
    const end = Math.min(from, Math.floor(centre + radius + 0.5));
    first[at] = start;
    const raw = Array.from({ length: end - start }, (_unused, tap) => Math.max(0, 1 - Math.abs((start + tap + 0.5 - centre) / radius)));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return Int32Array.from(raw, (weight) => Math.round((weight / sum) * WEIGHT_STEPS));
  });
  return { first, weights };
}

/** Resamples one row or column of pixels; strides count array elements from pixel to pixel. */
function resampleLine(from: Uint8Array, fromStart: number, fromStride: number, to: Uint8Array, toStart: number, toStride: number, taps: Taps, channels: number): void {
  for (const [at, weights] of taps.weights.entries()) {
    const start = fromStart + (taps.first[at] ?? 0) * fromStride;
    for (let channel = 0; channel < channels; channel += 1) {
      let sum = WEIGHT_STEPS / 2;
      for (let tap = 0; tap < weights.length; tap += 1) sum += (weights[tap] ?? 0) * (from[start + tap * fromStride + channel] ?? 0);
      to[toStart + at * toStride + channel] = Math.min(255, Math.max(0, Math.floor(sum / WEIGHT_STEPS)));
    }
  }
}

/** A window of an image; what lies outside of it is black. */
function windowOf(image: Pixels, left: number, top: number, width: number, height: number): Pixels {
  if (left === 0 && top === 0 && width === image.width && height === image.height) return image;
  const { channels } = image;
  const pixels = new Uint8Array(width * height * channels);
  const from = Math.max(0, left);
  const to = Math.min(image.width, left + width);
  for (let row = Math.max(0, top); row < Math.min(image.height, top + height); row += 1) {
    if (to > from) pixels.set(image.pixels.subarray((row * image.width + from) * channels, (row * image.width + to) * channels), ((row - top) * width + from - left) * channels);
  }
  return { pixels, width, height, channels };
}

/** The middle of an image; odd rests go to the right and bottom. Larger than the image: black around it. */
export function centreWindow(image: Pixels, width: number, height: number): Pixels {
  return windowOf(image, Math.floor((image.width - width) / 2), Math.floor((image.height - height) / 2), width, height);
}

/** Scales to a size, keeping the shape by cutting (`cover`) or padding with black (`contain`), or not keeping it. */
export function fitPixels(image: Pixels, width: number, height: number, fit: "stretch" | "cover" | "contain"): Pixels {
  if (fit === "stretch") return resizePixels(image, width, height);
  const ratios = [width / image.width, height / image.height];
  const ratio = fit === "cover" ? Math.max(...ratios) : Math.min(...ratios);
  const scaled = (side: number, wanted: number): number => {
    const size = Math.max(1, Math.round(side * ratio));
    return fit === "cover" ? Math.max(wanted, size) : Math.min(wanted, size);
  };
  return centreWindow(resizePixels(image, scaled(image.width, width), scaled(image.height, height)), width, height);
}

/** Luma of ITU-R BT.601 in 16-bit steps, as Pillow's `convert("L")`. */
export function greyOf(image: Pixels): Pixels {
  if (image.channels === 1) return image;
  const pixels = new Uint8Array(image.width * image.height);
  for (let at = 0; at < pixels.length; at += 1) {
    const [red = 0, green = 0, blue = 0] = image.pixels.subarray(at * 3, at * 3 + 3);
    pixels[at] = (19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >>> 16;
  }
  return { ...image, pixels, channels: 1 };
}
