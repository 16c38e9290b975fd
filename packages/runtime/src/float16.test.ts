import { expect, test } from "vitest";
import { float16ToNumber, numberToFloat16 } from "./float16.ts";

test("all 65,536 bit patterns survive the way to a number and back", () => {
  for (let bits = 0; bits < 65_536; bits += 1) {
    const value = float16ToNumber(bits);
    if (Number.isNaN(value)) expect(Number.isNaN(float16ToNumber(numberToFloat16(value)))).toBe(true);
    else expect(numberToFloat16(value)).toBe(bits);
  }
});

test("numbers between two halves go to the nearest, ties to the even one", () => {
  for (let bits = 0; bits < 0x7bff; bits += 1) {
    const low = float16ToNumber(bits);
    const high = float16ToNumber(bits + 1);
    const middle = (low + high) / 2;
    const even = bits % 2 === 0 ? bits : bits + 1;
    expect([numberToFloat16(low + (high - low) * 0.49), numberToFloat16(middle), numberToFloat16(low + (high - low) * 0.51)]).toEqual([bits, even, bits + 1]);
    expect(numberToFloat16(-middle)).toBe(even | 0x8000);
  }
});

test("what is too large becomes infinity, with the last finite number rounded by the same rule", () => {
  expect(numberToFloat16(65_519.999)).toBe(0x7bff);
  expect(numberToFloat16(65_520)).toBe(0x7c00);
  expect(numberToFloat16(-1e300)).toBe(0xfc00);
  expect(numberToFloat16(2 ** -26)).toBe(0);
});
