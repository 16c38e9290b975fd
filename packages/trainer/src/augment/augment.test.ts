import { expect, test } from "vitest";
import { streamOf } from "../loop/drawn-numbers.ts";
import { NO_AUGMENTATION, type Augmentation } from "../recipe.ts";
import { augmented } from "./augment.ts";

const [CHANNELS, HEIGHT, WIDTH] = [2, 5, 6];
const IMAGE = Float32Array.from({ length: CHANNELS * HEIGHT * WIDTH }, (_, i) => Math.sin(i * i));
const some = (changes: Partial<Augmentation>, example = 1, image: Float32Array = IMAGE, dims = [CHANNELS, HEIGHT, WIDTH]): Float32Array => augmented(image, dims, { ...NO_AUGMENTATION, ...changes }, streamOf(7, 2, example));
const EVERYTHING: Partial<Augmentation> = { shift: 0.2, rotateDegrees: 20, scale: 0.2, flip: true, cropPixels: 1, brightness: 0.1, contrast: 0.2, noise: 0.1 };

test("the same draws change an example the same way, others otherwise, and nothing asked for changes nothing", () => {
  expect(some(EVERYTHING)).toEqual(some(EVERYTHING));
  expect(some(EVERYTHING, 2)).not.toEqual(some(EVERYTHING));
  expect(some({})).toEqual(IMAGE);
});

test("the example itself is left as it was", () => {
  const before = Float32Array.from(IMAGE);
  some(EVERYTHING);
  expect(IMAGE).toEqual(before);
});

test("mirroring turns about half of the examples over, exactly", () => {
  const over = IMAGE.map((_, i) => IMAGE[i - (i % WIDTH) + WIDTH - 1 - (i % WIDTH)] ?? 0);
  const results = Array.from({ length: 200 }, (_, example) => some({ flip: true }, example));
  const turned = results.filter((result) => result.every((value, i) => value === over[i])).length;
  const kept = results.filter((result) => result.every((value, i) => value === IMAGE[i])).length;
  expect(turned + kept).toBe(200);
  expect(turned).toBeGreaterThan(60);
  expect(kept).toBeGreaterThan(60);
});

test("cropping cuts the image out of one with a border of so many pixels, at each place about as often", () => {
  const border = 2;
  const edge = (i: number, side: number): number => Math.min(Math.max(i, 0), side - 1);
  const moved = (right: number, down: number): string => IMAGE.map((_, i) => {
    const [c, y, x] = [Math.floor(i / (HEIGHT * WIDTH)), Math.floor(i / WIDTH) % HEIGHT, i % WIDTH];
    return IMAGE[(c * HEIGHT + edge(y + down, HEIGHT)) * WIDTH + edge(x + right, WIDTH)] ?? 0;
  }).join();
  const places = Array.from({ length: (2 * border + 1) ** 2 }, (_, i) => moved((i % 5) - border, Math.floor(i / 5) - border));
  expect(new Set(places).size).toBe(25);
  const found = Array.from({ length: 1_000 }, (_, example) => places.indexOf(some({ cropPixels: border }, example).join()));
  for (let place = 0; place < 25; place += 1) expect(found.filter((at) => at === place).length).toBeGreaterThan(15);
  expect(found).not.toContain(-1);
});

test("channels last give what channels first give", () => {
  const last = (values: Float32Array): Float32Array => values.map((_, i) => values[(i % CHANNELS) * HEIGHT * WIDTH + Math.floor(i / CHANNELS)] ?? 0);
  const geometry = { shift: 0.2, rotateDegrees: 20, scale: 0.2, flip: true, cropPixels: 2 };
  expect(some(geometry, 1, last(IMAGE), [HEIGHT, WIDTH, CHANNELS])).toEqual(last(some(geometry)));
});

test("turning, shifting and scaling invent no values beyond those that are there", () => {
  for (let example = 0; example < 50; example += 1) {
    const moved = some({ shift: 0.5, rotateDegrees: 180, scale: 0.5, cropPixels: 9 }, example);
    expect(Math.max(...moved)).toBeLessThanOrEqual(Math.max(...IMAGE) + 1e-6);
    expect(Math.min(...moved)).toBeGreaterThanOrEqual(Math.min(...IMAGE) - 1e-6);
  }
});
