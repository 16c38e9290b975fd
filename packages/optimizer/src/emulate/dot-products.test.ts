import { seededRandom } from "@flotilla/runtime";
import { describe, expect, test } from "vitest";
import { DotProducts } from "./dot-products.ts";

const INT16 = [-32_768, 32_767] as const;

/** The same sums in plain arithmetic, pair by pair. */
function plainSums(patches: Int16Array, filters: Int16Array, depth: number, clips: boolean): { sums: number[]; events: number } {
  const sums: number[] = [];
  let events = 0;
  for (let row = 0; row < patches.length; row += depth) {
    for (let column = 0; column < filters.length; column += depth) {
      let sum = 0;
      for (let k = 0; k < depth; k += 2) {
        const product = (at: number) => (patches[row + at] ?? 0) * (filters[column + at] ?? 0);
        const pair = product(k) + product(k + 1);
        const kept = clips ? Math.max(INT16[0], Math.min(INT16[1], pair)) : pair;
        if (kept !== pair) events += 1;
        sum += kept;
      }
      sums.push(sum);
    }
  }
  return { sums, events };
}

describe("dot products", () => {
  test("exact and clipped sums are those of plain arithmetic, for many shapes", () => {
    const next = seededRandom(7);
    const dot = new DotProducts();
    let clippedPairs = 0;
    for (const [rows, columns, depth] of [[1, 1, 8], [3, 5, 16], [17, 2, 40], [64, 33, 72], [2, 1, 4_096]] as const) {
      const filters = Int16Array.from({ length: columns * depth }, () => Math.floor(next() * 256) - 128);
      const patches = Int16Array.from({ length: rows * depth }, () => Math.floor(next() * 256));
      dot.setFilters(filters, columns, depth);
      dot.patches(rows).set(patches);
      for (const arithmetic of ["exact", "clipped"] as const) {
        const { sums, events } = dot.sums(rows, arithmetic);
        const expected = plainSums(patches, filters, depth, arithmetic === "clipped");
        expect([...sums]).toEqual(expected.sums);
        expect(events).toBe(expected.events);
        clippedPairs += events;
      }
    }
    expect(clippedPairs).toBeGreaterThan(1_000);
  });

  test("the two most extreme pairs clip, their neighbours do not", () => {
    const dot = new DotProducts();
    // 255 × 64 twice is 32,640; 255 × 64 and 255 × 65 is 32,895; the negative end has one place more.
    const filters = Int16Array.of(64, 64, 0, 0, 0, 0, 0, 0, 64, 65, 0, 0, 0, 0, 0, 0, -64, -64, 0, 0, 0, 0, 0, 0, -128, -128, 0, 0, 0, 0, 0, 0);
    dot.setFilters(filters, 4, 8);
    dot.patches(1).fill(255);
    const { sums, events } = dot.sums(1, "clipped");
    expect([...sums]).toEqual([32_640, 32_767, -32_640, -32_768]);
    expect(events).toBe(2);
  });
});
