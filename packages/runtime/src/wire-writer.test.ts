import fc from "fast-check";
import { expect, test } from "vitest";
import { WireWriter } from "./wire-writer.ts";

type Part = { readonly bytes: Uint8Array } | { readonly parts: readonly Part[] };

// Sizes around where lengths take another byte and values are kept by reference.
const size = fc.constantFrom(0, 1, 100, 126, 127, 128, 250, 1_023, 1_024, 1_025, 16_370, 16_383, 16_384, 20_000);
const { part } = fc.letrec<{ part: Part }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 5 },
    size.map((length) => ({ bytes: new Uint8Array(length).fill(length % 251) })),
    fc.record({ parts: fc.array(tie("part"), { maxLength: 4 }) }),
  ),
}));

function write(out: WireWriter, item: Part): void {
  if ("bytes" in item) out.bytes(1, item.bytes);
  else out.message(2, (inner) => item.parts.forEach((each) => write(inner, each)));
}

/** The same by concatenation. */
function reference(item: Part): Uint8Array {
  const body = "bytes" in item ? item.bytes : Buffer.concat(item.parts.map(reference));
  const length: number[] = [];
  let rest = body.byteLength;
  for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Uint8Array.of("bytes" in item ? 10 : 18, ...length, rest), body]);
}

test("messages of any size and depth are written as their parts one after the other", () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      const out = new WireWriter();
      for (const item of parts) write(out, item);
      const expected = Buffer.concat(parts.map(reference));
      expect(out.sizeBytes).toBe(expected.byteLength);
      expect(Buffer.compare(out.finish(), expected)).toBe(0);
    }),
    { numRuns: 200 },
  );
});

test("numbers of 64 bits are whole, whether given as numbers or bigints", () => {
  const written = (value: number | bigint) => [...new WireWriter().varint(1, value).finish().subarray(1)];
  expect(written(-1)).toEqual([255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
  expect(written(2 ** 53 - 1)).toEqual(written(2n ** 53n - 1n));
  expect(written(2 ** 62)).toEqual(written(2n ** 62n));
  expect(written(-(2n ** 63n))).toEqual([128, 128, 128, 128, 128, 128, 128, 128, 128, 1]);
  expect(written(300)).toEqual([0xac, 2]);
  expect(() => written(1.5)).toThrow(RangeError);
});
