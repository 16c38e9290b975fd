import { expect, test } from "vitest";
import { appendLines, isAtEnd, LINES_KEPT } from "./log-tail.ts";

const line = (seq: number) => ({ seq, at: "2026-11-24T00:00:00.000Z", level: "info", text: `line ${seq}` });

test("a line that comes twice is shown once, and nothing changes when nothing is new", () => {
  const known = [line(1), line(2)];
  expect(appendLines(known, [line(2), line(3)]).map((entry) => entry.seq)).toEqual([1, 2, 3]);
  expect(appendLines(known, [line(1), line(2)])).toBe(known);
});

test("the page keeps the end of an endless log", () => {
  const all = Array.from({ length: LINES_KEPT + 10 }, (_, index) => line(index + 1));
  const kept = appendLines([], all);
  expect(kept).toHaveLength(LINES_KEPT);
  expect(kept.at(-1)?.seq).toBe(LINES_KEPT + 10);
});

test("following stops when the reader scrolls up, not by a pixel", () => {
  expect(isAtEnd({ scrollTop: 890, clientHeight: 100, scrollHeight: 1000 })).toBe(true);
  expect(isAtEnd({ scrollTop: 700, clientHeight: 100, scrollHeight: 1000 })).toBe(false);
});
