import type { Example, ValuesExample } from "../types.ts";
import type { Canvas } from "./picture.ts";

/** Readable on light and dark pages. */
const WAVE_COLOUR = [59, 130, 246] as const;

/** Draws an example into a square: images and planes of numbers as pictures, sounds as waves, rows of numbers as bars. */
export function drawExample(canvas: Canvas, example: Example, left: number, top: number, side: number): void {
  if (example.kind === "image") {
    const [height, width, channels] = example.shape;
    canvas.drawImage({ pixels: example.pixels, width, height, channels }, left, top, side);
  } else if (example.kind === "tensor" && example.shape.length >= 2) {
    canvas.drawImage(plane(example), left, top, side);
  } else {
    drawWave(canvas, example.values, left, top, side, side);
  }
}

/** The last two dimensions of a tensor in shades of grey, from its smallest to its largest number. */
function plane({ values, shape }: ValuesExample): { pixels: Uint8Array; width: number; height: number; channels: number } {
  const [height = 1, width = 1] = shape.slice(-2);
  const part = values.subarray(0, width * height);
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of part) [min, max] = [Math.min(min, value), Math.max(max, value)];
  return { pixels: Uint8Array.from(part, (value) => Math.round((255 * (value - min)) / (max - min || 1))), width, height, channels: 1 };
}

/** The envelope: per column a line from the lowest to the highest number that falls into it; the whole height is the largest magnitude. */
export function drawWave(canvas: Canvas, values: ArrayLike<number>, left: number, top: number, width: number, height: number): void {
  let largest = 0;
  for (let at = 0; at < values.length; at += 1) largest = Math.max(largest, Math.abs(values[at] ?? 0));
  const middle = (height - 1) / 2;
  for (let x = 0; x < width; x += 1) {
    const from = Math.floor((x * values.length) / width);
    const to = Math.max(from + 1, Math.floor(((x + 1) * values.length) / width));
    let [low, high] = [0, 0];
    for (let at = from; at < Math.min(to, values.length); at += 1) [low, high] = [Math.min(low, values[at] ?? 0), Math.max(high, values[at] ?? 0)];
    const row = (value: number): number => Math.round(middle - (value / (largest || 1)) * middle);
    for (let y = row(high); y <= row(low); y += 1) canvas.set(left + x, top + y, ...WAVE_COLOUR);
  }
}
