import { describe, expect, test } from "vitest";
import { UsageError, wholeNumbers } from "../bench/world/whole-numbers.ts";

describe("the numbers of a benchmark's command line", () => {
  const defaults = { devices: 100, rounds: 3 };

  test("are taken in order, and stand at their defaults where they are left out", () => {
    expect(wholeNumbers(defaults, [])).toEqual(defaults);
    expect(wholeNumbers(defaults, ["2000"])).toEqual({ devices: 2_000, rounds: 3 });
    expect(wholeNumbers(defaults, ["1", "999999999"])).toEqual({ devices: 1, rounds: 999_999_999 });
  });

  test("that are none, or too many, are told with how it is called", () => {
    for (const given of [["ten"], ["0"], ["-1"], ["1.5"], ["1e3"], [""], [" 5"], ["NaN"], ["5", "x"], ["9999999999"], ["1", "2", "3"]]) {
      expect(() => wholeNumbers(defaults, given), JSON.stringify(given)).toThrow(UsageError);
      expect(() => wholeNumbers(defaults, given)).toThrow(/usage: node bench\/.* \[devices\] \[rounds\] .*devices 100, rounds 3/s);
    }
  });
});
