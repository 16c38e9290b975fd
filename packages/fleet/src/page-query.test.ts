import { expect, test } from "vitest";
import { bigintCursor, pageOf, pageSize, searchText } from "./page-query.ts";

test("a page of exactly the limit has a successor only if another row was seen", () => {
  const page = (rows: number[]) => pageOf(rows, 2, String, (n) => n * 10);
  expect(page([3, 2, 1])).toEqual({ items: [30, 20], nextCursor: "2" });
  expect(page([3, 2])).toEqual({ items: [30, 20], nextCursor: null });
  expect(page([])).toEqual({ items: [], nextCursor: null });
});

test("a limit outside 1 to 200 is refused, none means 50", () => {
  expect(pageSize({})).toBe(50);
  for (const limit of [0, -1, 201, 1.5, Number.NaN]) expect(() => pageSize({ limit })).toThrow("limit");
});

test("a cursor of a numbered list is a number and nothing else", () => {
  expect(bigintCursor(undefined)).toBeNull();
  expect(bigintCursor("42")).toBe(42n);
  for (const cursor of ["-1", "4 2", "9".repeat(19), "x"]) expect(() => bigintCursor(cursor)).toThrow("cursor");
});

test("what people search for stands for itself", () => {
  expect(searchText("100%_\\")).toBe("100\\%\\_\\\\");
});
