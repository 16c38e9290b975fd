import { expect, test } from "vitest";
import { classRows } from "./class-rows.ts";

test("the class that lost most comes first, beside the baseline wherever that stands", () => {
  const rows = classRows({
    baselineId: "b", versions: [{ id: "a" }, { id: "b" }, { id: "c" }],
    classes: [
      { index: 0, name: "cat", n: 10, correct: [9, 9, 10] },
      { index: 1, name: "dog", n: 10, correct: [9, 10, 5] },
      { index: 2, name: "bird", n: 10, correct: [null, 8, 8] },
    ],
  });
  expect(rows.map(({ name }) => name)).toEqual(["dog", "cat", "bird"]);
  expect(rows[0]?.deltas.map((delta) => delta?.toFixed(1))).toEqual(["-0.1", "-0.5"]);
  expect(rows[2]?.deltas).toEqual([null, 0]);
});
