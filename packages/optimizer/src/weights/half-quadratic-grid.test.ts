import { seededRandom } from "@flotilla/runtime";
import { describe, expect, test } from "vitest";
import type { BlockFormat } from "./block-quantisation.ts";
import { gridFor, quantiseBlocks } from "./block-quantisation.ts";
import { powerError } from "./half-quadratic-grid.ts";

const next = seededRandom(11);
const bell = () => next() + next() + next() + next() - 2;
const block = (value: (at: number) => number, length = 32) => Float32Array.from({ length }, (_, at) => value(at));

/** Blocks that bring a fit into trouble, and many that do not. */
const BLOCKS: readonly (readonly [string, Float32Array])[] = [
  ["zeros", block(() => 0)],
  ["one value throughout", block(() => 0.3)],
  ["one weight", Float32Array.of(-2)],
  ["two values", block((at) => (at % 2 === 0 ? 1 : -1))],
  ["positive ones alone", block((at) => 3 + at / 100)],
  ["one far out", block((at) => (at === 7 ? 1_000 : bell()))],
  ["as large as float32 goes", block(() => bell() * 1.6e38)],
  ["smaller than float32's normal numbers", block(() => bell() * 1e-40)],
  ...Array.from({ length: 300 }, (_, at) => [`bell ${at}`, block(bell, 1 + (at % 64))] as const),
];

describe.each([4, 8] as const)("grids of %i bits", (bits) => {
  for (const symmetric of [true, false]) {
    const format = (scales: NonNullable<BlockFormat["scales"]>): BlockFormat => ({ bits, symmetric, blockSize: 32, scales });
    test(`${symmetric ? "symmetric" : "asymmetric"}: no block is further off in its norm than rounded to the nearest`, () => {
      for (const [name, values] of BLOCKS) {
        const [nearest, fitted] = [gridFor(values, format("nearest")), gridFor(values, format("half-quadratic"))];
        expect(powerError(values, fitted, bits), name).toBeLessThanOrEqual(powerError(values, nearest, bits));
        expect([Number.isFinite(fitted.scale), Number.isInteger(fitted.zero), fitted.zero >= 0 && fitted.zero < 2 ** bits], name).toEqual([true, true, true]);
        if (symmetric) expect(fitted.zero).toBe(2 ** (bits - 1));
      }
    });
  }
});

test("weights of a bell curve at 4 bits are nearer by a twentieth with a zero point, and a little without", () => {
  const values = Array.from({ length: 500 }, () => block(bell));
  for (const [symmetric, most] of [[false, 0.96], [true, 0.985]] as const) {
    const error = (scales: NonNullable<BlockFormat["scales"]>) => values.reduce((sum, each) => sum + powerError(each, gridFor(each, { bits: 4, blockSize: 32, symmetric, scales }), 4), 0);
    expect(error("half-quadratic")).toBeLessThan(most * error("nearest"));
  }
});

test("weights in other units get the same codes", () => {
  const weights = block(bell, 64 * 4);
  for (const symmetric of [true, false]) {
    const format: BlockFormat = { bits: 4, blockSize: 32, symmetric, scales: "half-quadratic" };
    const [plain, scaled] = [quantiseBlocks(weights, 64, 4, format), quantiseBlocks(weights.map((weight) => weight / 1_024), 64, 4, format)];
    expect(scaled.codes).toEqual(plain.codes);
    expect(scaled.zeroPoints).toEqual(plain.zeroPoints);
  }
});
