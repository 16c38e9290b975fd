import { seededRandom } from "@flotilla/runtime";
import { describe, expect, test } from "vitest";
import type { BlockFormat } from "./block-quantisation.ts";
import { quantiseBlocks } from "./block-quantisation.ts";

const [DEPTH, COLUMNS, BLOCK] = [40, 3, 16];
/** Eighths, so that many weights lie halfway between two codes, and thirds of them. The last block is half full. */
const WEIGHTS = Float32Array.from({ length: DEPTH * COLUMNS }, (_, at) => {
  const [k, column] = [Math.floor(at / COLUMNS), at % COLUMNS];
  return ((((k * 37 + column * 11) % 64) - 29) / 8) * (column < 2 ? 1 : 1 / 3);
});

/** What the packer of MatMulNBits in ONNX Runtime 1.32 made of these weights, as hexadecimal bytes in its own layout. */
const RECORDED = [
  { bits: 4, symmetric: true, packed: "6f3d1af8c5a3704e2b09d6a4826e3c1ae7b59270000000003d1ae8c593704e2bf9d6a3815f3c0ae7b592604d000000001ae7b592704d2bf8d6a3815e3c09e7b47fa0d3f600000000", scales: "0000f8be000008bf000004bf000000bf0000f8be000008bf000030beabaa2abeabaa1a3e", zeros: "000000000000" },
  { bits: 4, symmetric: false, packed: "90c2e5173a6c8fb1d4f6295b7e90c3e507295c8f00000000c2f5083a6d8fb1e407295c7ea1c3f6182a5d8fb000000000e5184a6d8fb2d407295c8fa0d3f6184b7fa0d3f600000000", scales: "0000003f2222023f3333f33e3333f33e0000003f6666e63ed7822d3e2222223e2222223e", zeros: "778677867788" },
  { bits: 8, symmetric: true, packed: "f85fce36a50c7ceb53c22999006fdf46b1268b0066cb40a61a80e65ac0359a0f74dd4eb6279000690000000000000000c834a00c78e450bc2894006cd844b01c88f85fce36a50c7ceb53c22999006fdf4bb1268b0066cb4000000000000000009b0c74dd4eb627900069d142ab1b84ed5cc834a00c78e450bc2894006cd844b0ee7700a32ccf58fc0000000000000000", scales: "0000f8bc000008bd000004bd000000bd0000f8bc000008bd000030bcabaa2abcabaa1a3c", zeros: "000000000000000000" },
  { bits: 8, symmetric: false, packed: "009d2ac855f27f0daa37d462ff8c19b73bd564ff8e1db847e271009b2ac554ee7800a52cd259ff8600000000000000001fc54cf27900a62dd25aff860eb33ae073009d2ac855f27f0daa37d462ff8c19a021cf50ff7f00ae000000000000000058f28211ab3ad564ff8e1db847e27100981fc54cf27900a62dd25aff860eb33af27900a62dd35aff0000000000000000", scales: "f1f0f03cf5f4f43ce5e4e43ce5e4e43cf1f0f03cd9d8d83cf84d233c9998183c9998183c", zeros: "7b716b707b5e757082" },
] as const;

const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Layout of MatMulNBits: codes [column][block][place in the block], zero points [column][block], 4-bit ones two to a byte, low first. */
function packed(format: BlockFormat) {
  const { codes, scales, zeroPoints, blocks } = quantiseBlocks(WEIGHTS, DEPTH, COLUMNS, format);
  const ordered: number[] = [];
  const zeros: number[] = [];
  const orderedScales = new Float32Array(blocks * COLUMNS);
  for (let column = 0; column < COLUMNS; column += 1) {
    for (let block = 0; block < blocks; block += 1) {
      const at = block * COLUMNS + column;
      orderedScales[column * blocks + block] = scales[at] ?? 0;
      zeros.push(zeroPoints[at] ?? 0);
      for (let k = block * BLOCK; k < (block + 1) * BLOCK; k += 1) ordered.push(k < DEPTH ? (codes[k * COLUMNS + column] ?? 0) : 0);
    }
    // An odd number of 4-bit zero points ends with half a byte of its own.
    if (format.bits === 4 && blocks % 2 === 1) zeros.push(format.symmetric ? 0 : 8);
  }
  const pairs = (values: readonly number[]) => (format.bits === 8 ? values : values.filter((_, at) => at % 2 === 0).map((low, at) => low | ((values[at * 2 + 1] ?? 0) << 4)));
  return { codes: pairs(ordered), scales: [...new Uint8Array(orderedScales.buffer)], zeros: pairs(zeros) };
}

describe("weights in blocks", () => {
  for (const { bits, symmetric, packed: codes, scales, zeros } of RECORDED) {
    test(`${bits} bits, ${symmetric ? "symmetric" : "asymmetric"}: bit for bit what the packer of ONNX Runtime makes`, () => {
      const ours = packed({ bits, symmetric, blockSize: BLOCK });
      expect(ours.codes).toEqual([...bytesOf(codes)]);
      expect(ours.scales).toEqual([...bytesOf(scales)]);
      if (!symmetric) expect(ours.zeros).toEqual([...bytesOf(zeros)]);
    });
  }

  test("no weight is further from its code than half a step, except where the signed range ends one step early", () => {
    const next = seededRandom(2);
    const weights = Float32Array.from({ length: 64 * 8 }, () => next() * 4 - 2);
    for (const bits of [4, 8] as const) {
      const { codes, scales, zeroPoints } = quantiseBlocks(weights, 64, 8, { bits, blockSize: 32, symmetric: false });
      weights.forEach((weight, at) => {
        const block = Math.floor(at / 8 / 32) * 8 + (at % 8);
        const scale = scales[block] ?? 0;
        expect(Math.abs(((codes[at] ?? 0) - (zeroPoints[block] ?? 0)) * scale - weight)).toBeLessThanOrEqual(scale);
      });
    }
  });

  test("least squares never has a larger error, and mostly a smaller one", () => {
    const next = seededRandom(9);
    const bell = () => next() + next() + next() + next() - 2;
    const weights = Float32Array.from({ length: 256 * 16 }, bell);
    for (const symmetric of [true, false]) {
      const error = (scales: "nearest" | "least-squares") => {
        const made = quantiseBlocks(weights, 256, 16, { bits: 4, blockSize: 32, symmetric, scales });
        return weights.reduce((sum, weight, at) => {
          const block = Math.floor(at / 16 / 32) * 16 + (at % 16);
          return sum + (weight - ((made.codes[at] ?? 0) - (made.zeroPoints[block] ?? 0)) * (made.scales[block] ?? 0)) ** 2;
        }, 0);
      };
      expect(error("least-squares")).toBeLessThan(0.95 * error("nearest"));
    }
  });

  test("a block of zeros has scale 0 and stays zero; what is not finite is refused", () => {
    const { scales, codes } = quantiseBlocks(new Float32Array(32), 32, 1, { bits: 4, blockSize: 32, symmetric: true });
    expect([...scales, ...new Set(codes)]).toEqual([-0, 8]);
    expect(() => quantiseBlocks(Float32Array.of(Number.NaN), 1, 1, { bits: 4, blockSize: 32, symmetric: true })).toThrow(RangeError);
    expect(() => quantiseBlocks(new Float32Array(24), 24, 1, { bits: 4, blockSize: 24, symmetric: true })).toThrow(RangeError);
  });
});
