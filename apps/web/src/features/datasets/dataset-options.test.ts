import { expect, test } from "vitest";
import { emptyOptions, optionsOf, optionsProblem } from "./dataset-options.ts";

test("what nobody filled in is left to be found out", () => {
  expect(optionsOf(emptyOptions)).toEqual({});
  expect(optionsProblem(emptyOptions)).toBeNull();
});

test("shares are percentages and must add up", () => {
  const draft = { ...emptyOptions, shares: { train: "70", calibration: "5", validation: "5", test: "20" } };
  expect(optionsProblem(draft)).toBeNull();
  expect(optionsOf(draft).fractions).toEqual({ train: 0.7, calibration: 0.05, validation: 0.05, test: 0.2 });
  expect(optionsProblem({ ...draft, shares: { ...draft.shares, test: "30" } })).toContain("100 %");
});

test("classes and columns are taken one per line or with commas between", () => {
  expect(optionsOf({ ...emptyOptions, classes: "cat\n dog,,bird ", labelColumn: " species " })).toEqual({ classes: ["cat", "dog", "bird"], labelColumn: "species" });
});
