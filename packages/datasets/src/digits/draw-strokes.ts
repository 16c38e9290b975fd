import type { Point } from "./glyphs.ts";

/** A drawn line in pixels, with the pen's radius at each point. */
export type PenLine = { readonly points: readonly Point[]; readonly radii: readonly number[] };

/**
 * Draws round-ended lines into a square of coverage in [0, 1], row-major. A pixel is as dark as the nearest part of any line makes it: full inside of
 * the pen's radius, falling to nothing over `softness` pixels.
 */
export function drawLines(lines: readonly PenLine[], side: number, softness: number): Float32Array {
  const coverage = new Float32Array(side * side);
  for (const { points, radii } of lines) {
    for (let at = 0; at + 1 < points.length; at += 1) {
      const [from, to] = [points[at], points[at + 1]];
      if (from && to) drawSegment(coverage, side, from, to, radii[at] ?? 1, radii[at + 1] ?? 1, softness);
    }
  }
  return coverage;
}

function drawSegment(coverage: Float32Array, side: number, from: Point, to: Point, radiusFrom: number, radiusTo: number, softness: number): void {
  const reach = Math.max(radiusFrom, radiusTo) + softness;
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const squaredLength = dx * dx + dy * dy;
  const first = (low: number): number => Math.max(0, Math.floor(low - reach));
  const last = (high: number): number => Math.min(side - 1, Math.ceil(high + reach));
  for (let y = first(Math.min(from[1], to[1])); y <= last(Math.max(from[1], to[1])); y += 1) {
    for (let x = first(Math.min(from[0], to[0])); x <= last(Math.max(from[0], to[0])); x += 1) {
      const [px, py] = [x + 0.5 - from[0], y + 0.5 - from[1]];
      const along = squaredLength === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / squaredLength));
      const [ox, oy] = [px - along * dx, py - along * dy];
      const radius = radiusFrom + along * (radiusTo - radiusFrom);
      const value = Math.min(1, Math.max(0, (radius - Math.sqrt(ox * ox + oy * oy)) / softness + 0.5));
      const at = y * side + x;
      if (value > (coverage[at] ?? 0)) coverage[at] = value;
    }
  }
}

const STEPS_PER_SPAN = 6;

/** Points along a uniform Catmull–Rom curve through the given ones; the ends are doubled. */
export function alongCurve(points: readonly Point[]): Point[] {
  const at = (index: number): Point => points[Math.min(points.length - 1, Math.max(0, index))] ?? [0, 0];
  const curve: Point[] = [at(0)];
  for (let span = 0; span + 1 < points.length; span += 1) {
    const [before, from, to, after] = [at(span - 1), at(span), at(span + 1), at(span + 2)];
    for (let step = 1; step <= STEPS_PER_SPAN; step += 1) {
      const t = step / STEPS_PER_SPAN;
      const blend = (axis: 0 | 1): number => catmullRom(before[axis], from[axis], to[axis], after[axis], t);
      curve.push([blend(0), blend(1)]);
    }
  }
  return curve;
}

function catmullRom(before: number, from: number, to: number, after: number, t: number): number {
  const [linear, square, cube] = [to - before, 2 * before - 5 * from + 4 * to - after, 3 * from - before - 3 * to + after];
  return from + 0.5 * t * (linear + t * (square + t * cube));
}
