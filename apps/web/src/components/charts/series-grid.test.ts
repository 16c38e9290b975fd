import { describe, expect, test } from "vitest";
import { isLonely, lastIndex, onGrid } from "./series-grid.ts";

const fromMs = Date.parse("2026-11-24T03:00:30Z");
const at = (clock: string, value: number | null) => ({ t: `2026-11-24T${clock}Z`, value });

describe("series on a common grid", () => {
  test("a step without a point is a gap, not a zero and not a bridge", () => {
    const { xs, lines } = onGrid(
      [{ key: "a", points: [at("03:00:00", 1), at("03:02:00", 0)] }],
      { fromMs, toMs: fromMs + 3 * 60_000, stepMs: 60_000 },
      (point) => point.value,
    );
    expect(xs).toHaveLength(4);
    expect(xs[0]).toBe(Date.parse("2026-11-24T03:00:00Z") / 1000);
    expect(lines[0]?.values).toEqual([1, null, 0, null]);
  });
  test("points outside the range are left out instead of shifting the others", () => {
    const { lines } = onGrid(
      [{ key: "a", points: [at("02:00:00", 9), at("03:01:00", 2), at("05:00:00", 9)] }],
      { fromMs, toMs: fromMs + 60_000, stepMs: 60_000 },
      (point) => point.value,
    );
    expect(lines[0]?.values).toEqual([null, 2]);
  });
  test("lonely points and the last value are found", () => {
    expect(isLonely([null, 3, null], 1)).toBe(true);
    expect(isLonely([2, 3, null], 1)).toBe(false);
    expect(isLonely([null, null], 0)).toBe(false);
    expect(lastIndex([1, null, 3, null])).toBe(2);
    expect(lastIndex([null])).toBe(-1);
  });
});
