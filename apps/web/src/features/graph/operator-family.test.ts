import { expect, test } from "vitest";
import { familyColor, familyOf, operatorFamilies } from "./operator-family.ts";

test("integer kernels and conversions are told apart from float ones", () => {
  expect([familyOf("Conv"), familyOf("QLinearConv"), familyOf("QuantizeLinear"), familyOf("MatMulNBits")]).toEqual(["matrix", "integer", "conversion", "matrix"]);
});

test("what nobody has listed is other, and has a colour all the same", () => {
  expect(familyOf("TreeEnsembleClassifier")).toBe("other");
  expect(familyOf(null)).toBe("other");
  expect(familyColor("other")).toMatch(/^--/);
});

test("no two families of the legend share a colour", () => {
  expect(new Set(operatorFamilies.map(({ color }) => color)).size).toBe(operatorFamilies.length);
});
