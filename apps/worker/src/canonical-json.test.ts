import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson } from "./canonical-json.ts";

const text = (value: unknown): string => new TextDecoder().decode(canonicalJson(value));

test("the order in which members were written does not show, at any depth", () => {
  expect(text({ b: 1, a: { d: [{ z: 1, y: 2 }], c: null } })).toBe('{"a":{"c":null,"d":[{"y":2,"z":1}]},"b":1}');
});

test("what is written is read back as it was, and written again the same", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const read: unknown = JSON.parse(text(value));
      expect(read).toEqual(JSON.parse(JSON.stringify(value)));
      expect(text(read)).toBe(text(value));
    }),
  );
});

test("members that are not there leave no trace", () => {
  expect(text({ a: undefined, b: 1 })).toBe('{"b":1}');
});
