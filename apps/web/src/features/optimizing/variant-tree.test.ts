import { expect, test } from "vitest";
import { treeOf } from "./variant-tree.ts";

test("variants stand below what they were made of, in order of their numbers, whatever order they came in", () => {
  const nodes = [
    { id: "d", parentId: "b", number: 4 }, { id: "c", parentId: "a", number: 3 }, { id: "a", parentId: "gone", number: 1 }, { id: "b", parentId: "a", number: 2 },
  ];
  expect(treeOf(nodes).map(({ node, depth }) => `${node.id}${depth}`)).toEqual(["a0", "b1", "d2", "c1"]);
});
