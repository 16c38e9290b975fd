import { seededRandom } from "../seeded-random.ts";
import { alongCurve, drawLines, type PenLine } from "./draw-strokes.ts";
import { type Glyph, GLYPHS, type Point } from "./glyphs.ts";

export const DIGIT_SIDE = 28;

/** Where a digit of unit height stands: 20 of 28 pixels high in the middle, as in MNIST. */
const BOX = 20;
const STRAIGHT_STEPS = 4;

/** A digit drawn in white on black, 28 × 28, one byte a pixel. */
export type SyntheticDigit = { readonly pixels: Uint8Array; readonly label: number };

export type SyntheticDigits = {
  /** One image after the other. */
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
};

/**
 * Digits as if many hands had written them: our own pen strokes, bent, turned, sheared, scaled, shifted and drawn with pens of different width, ink
 * and noise. Ten classes in turn. Image `i` of a seed is the same however many are asked for.
 */
export function renderSyntheticDigits({ count, seed }: { readonly count: number; readonly seed: number }): SyntheticDigits {
  const pixels = new Uint8Array(count * DIGIT_SIDE * DIGIT_SIDE);
  const labels = new Uint8Array(count);
  for (let index = 0; index < count; index += 1) {
    const digit = renderSyntheticDigit(index, seed);
    pixels.set(digit.pixels, index * DIGIT_SIDE * DIGIT_SIDE);
    labels[index] = digit.label;
  }
  return { pixels, labels };
}

export function renderSyntheticDigit(index: number, seed: number): SyntheticDigit {
  const random = seededRandom(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35));
  const label = index % GLYPHS.length;
  const ways = GLYPHS[label] ?? [];
  const glyph = ways[Math.floor(random() * ways.length)] ?? [];
  const softness = 0.7 + 0.6 * random();
  const coverage = drawLines(penLines(glyph, random), DIGIT_SIDE, softness);
  return { pixels: inked(coverage, random), label };
}

/** About normal with deviation 1: the sum of four uniform numbers, which needs no logarithm and is the same everywhere. */
function normal(random: () => number): number {
  return (random() + random() + random() + random() - 2) * Math.sqrt(3);
}

function penLines(glyph: Glyph, random: () => number): PenLine[] {
  const place = hand(random);
  const tremble = 0.012 + 0.014 * random();
  const radius = 0.75 + 1.05 * random();
  return glyph.map(({ form, points }) => {
    const shaken = points.map(([x, y]): Point => [x + tremble * normal(random), y + tremble * normal(random)]);
    const path = form === "smooth" ? alongCurve(shaken) : alongLines(shaken);
    const [pressureFrom, pressureTo] = [1 + 0.14 * normal(random), 1 + 0.14 * normal(random)];
    const pressure = (at: number): number => pressureFrom + (pressureTo - pressureFrom) * (at / path.length);
    return { points: path.map(place), radii: path.map((_, at) => Math.max(0.55, radius * pressure(at))) };
  });
}

function alongLines(points: readonly Point[]): Point[] {
  return points.flatMap((from, at): Point[] => {
    const to = points[at + 1];
    if (!to) return [from];
    return Array.from({ length: STRAIGHT_STEPS }, (_, step): Point => [from[0] + ((to[0] - from[0]) * step) / STRAIGHT_STEPS, from[1] + ((to[1] - from[1]) * step) / STRAIGHT_STEPS]);
  });
}

/** How one hand writes: a slow wave through the figure, then scaling, shear, rotation and place. From the unit square to pixels. */
function hand(random: () => number): (point: Point) => Point {
  const wave = { size: 0.022 * normal(random), frequency: 0.6 + 0.7 * random(), phase: random() };
  const cross = { size: 0.018 * normal(random), frequency: 0.6 + 0.7 * random(), phase: random() };
  const [wide, high] = [0.74 + 0.34 * random(), 0.86 + 0.26 * random()];
  const shear = 0.05 + 0.17 * normal(random);
  const angle = 0.11 * normal(random);
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const [shiftX, shiftY] = [1.1 * normal(random), 0.9 * normal(random)];
  return ([x, y]) => {
    const bentX = x + wave.size * Math.sin(2 * Math.PI * (wave.frequency * y + wave.phase)) - 0.5;
    const bentY = y + cross.size * Math.sin(2 * Math.PI * (cross.frequency * x + cross.phase)) - 0.5;
    const [u, v] = [wide * (bentX - shear * bentY), high * bentY];
    return [DIGIT_SIDE / 2 + shiftX + BOX * (cosine * u - sine * v), DIGIT_SIDE / 2 + shiftY + BOX * (sine * u + cosine * v)];
  };
}

/** Ink that is not always black, paper that is not always clean. */
function inked(coverage: Float32Array, random: () => number): Uint8Array {
  const ink = 0.78 + 0.22 * random();
  const paper = random() < 0.25 ? 0.1 * random() : 0;
  const grain = random() < 0.5 ? 0.06 * random() : 0;
  return Uint8Array.from(coverage, (value) => {
    const shade = paper + (ink - paper) * value + grain * normal(random);
    return Math.min(255, Math.max(0, Math.round(255 * shade)));
  });
}
