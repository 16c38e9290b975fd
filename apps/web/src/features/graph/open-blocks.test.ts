import { expect, test } from "vitest";
import { opened, toggled } from "./open-blocks.ts";

const blocks = (...open: string[]): { path: string; isExpanded: boolean }[] => ["a", "a/x", "a/x/p", "b"].map((path) => ({ path, isExpanded: open.includes(path) }));

test("closing a block closes what lies in it, opening one opens what lies around it", () => {
  expect(toggled(blocks("a", "a/x", "b"), "a")).toEqual(["b"]);
  expect(toggled(blocks(), "a/x")).toEqual(["a", "a/x"]);
  expect(toggled(blocks("b"), "b")).toEqual([]);
});

test("a node that is looked for becomes visible, and nothing else changes", () => {
  expect(opened(blocks("b"), "a/x/p")).toEqual(["a", "a/x", "a/x/p", "b"]);
  expect(opened(blocks("b"), "")).toEqual(["b"]);
});
