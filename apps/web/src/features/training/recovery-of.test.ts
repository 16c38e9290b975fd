import { expect, test } from "vitest";
import { recoveryOf } from "./recovery-of.ts";

test("integers are won back by training their parent with rounding, cut channels by training what is left; both learn from the parent", () => {
  expect(recoveryOf({ id: "ver_2", parentId: "ver_1", variantKind: "static_int8" })).toEqual({ version: "ver_1", teacher: "ver_1", rounding: "int8" });
  expect(recoveryOf({ id: "ver_2", parentId: "ver_1", variantKind: "channel_pruning" })).toEqual({ version: "ver_2", teacher: "ver_1" });
});

test("nothing is offered where training would not give the same form back", () => {
  for (const variantKind of ["simplify", "fp16_storage", "weight_blocks", "magnitude_pruning"]) expect(recoveryOf({ id: "ver_2", parentId: "ver_1", variantKind }), variantKind).toBeNull();
  expect(recoveryOf({ id: "ver_1", parentId: null, variantKind: null })).toBeNull();
});
