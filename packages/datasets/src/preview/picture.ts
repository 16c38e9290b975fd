import sharp from "sharp";
import type { Pixels } from "../images/resize.ts";
import { fitPixels } from "../images/resize.ts";

/** An encoded picture for a page. */
export type Picture = { readonly bytes: Uint8Array; readonly mediaType: "image/png" | "image/webp"; readonly width: number; readonly height: number };

/** RGBA rows, transparent at first, so that pages of any colour show through. */
export class Canvas {
  readonly width: number;
  readonly height: number;
  readonly #rgba: Uint8Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.#rgba = new Uint8Array(width * height * 4);
  }

  set(x: number, y: number, red: number, green: number, blue: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    this.#rgba.set([red, green, blue, 255], (y * this.width + x) * 4);
  }

  /** Puts an image into the middle of a square cell: small ones magnified by whole steps so that pixels stay sharp, large ones shrunk. */
  drawImage(image: Pixels, left: number, top: number, side: number): void {
    const fitted = scaledInto(image, side);
    const x = left + Math.floor((side - fitted.width) / 2);
    const y = top + Math.floor((side - fitted.height) / 2);
    for (let row = 0; row < fitted.height; row += 1) {
      for (let column = 0; column < fitted.width; column += 1) {
        const at = (row * fitted.width + column) * fitted.channels;
        const [red = 0, green = red, blue = red] = fitted.pixels.subarray(at, at + fitted.channels);
        this.set(x + column, y + row, red, green, blue);
      }
    }
  }

  async encode(format: "png" | "webp"): Promise<Picture> {
    const raw = sharp(this.#rgba, { raw: { width: this.width, height: this.height, channels: 4 } });
    const bytes = await (format === "png" ? raw.png({ compressionLevel: 6 }) : raw.webp({ quality: 85 })).toBuffer();
    return { bytes, mediaType: `image/${format}`, width: this.width, height: this.height };
  }
}

function scaledInto(image: Pixels, side: number): Pixels {
  const longest = Math.max(image.width, image.height);
  if (longest > side) {
    const shrink = (length: number): number => Math.max(1, Math.round((length * side) / longest));
    return fitPixels(image, shrink(image.width), shrink(image.height), "stretch");
  }
  const factor = Math.floor(side / longest);
  const { width, height, channels } = image;
  const pixels = new Uint8Array(width * height * factor * factor * channels);
  for (let row = 0; row < height * factor; row += 1) {
    for (let column = 0; column < width * factor; column += 1) {
      const from = (Math.floor(row / factor) * width + Math.floor(column / factor)) * channels;
      pixels.set(image.pixels.subarray(from, from + channels), (row * width * factor + column) * channels);
    }
  }
  return { pixels, width: width * factor, height: height * factor, channels };
}
