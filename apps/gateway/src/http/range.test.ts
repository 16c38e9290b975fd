import { expect, test } from "vitest";
import { rangeOf } from "./range.ts";

const etag = '"abc"';

test("one range gives its part, open ends included", () => {
  expect(rangeOf("bytes=0-0", undefined, etag, 10)).toEqual({ kind: "part", start: 0, end: 0 });
  expect(rangeOf("bytes=5-", undefined, etag, 10)).toEqual({ kind: "part", start: 5, end: 9 });
  expect(rangeOf("bytes=-3", undefined, etag, 10)).toEqual({ kind: "part", start: 7, end: 9 });
  expect(rangeOf("bytes=-30", undefined, etag, 10)).toEqual({ kind: "part", start: 0, end: 9 });
  expect(rangeOf("bytes=2-99", undefined, etag, 10)).toEqual({ kind: "part", start: 2, end: 9 });
});

test("a range that begins behind the end is not satisfiable", () => {
  expect(rangeOf("bytes=10-", undefined, etag, 10)).toEqual({ kind: "unsatisfiable" });
  expect(rangeOf("bytes=-0", undefined, etag, 10)).toEqual({ kind: "unsatisfiable" });
});

test("what cannot be read, several ranges and other units are answered with the whole", () => {
  for (const text of ["bytes=0-1,3-4", "items=0-1", "bytes=5-2", "bytes=-", "bytes=a-b", "bytes=0-1-2", `bytes=0-${"9".repeat(400)}`, ""]) {
    expect(rangeOf(text, undefined, etag, 10), text).toEqual({ kind: "whole" });
  }
});

test("a range counts only while the artifact is still the one the sender had", () => {
  expect(rangeOf("bytes=5-", etag, etag, 10)).toEqual({ kind: "part", start: 5, end: 9 });
  expect(rangeOf("bytes=5-", '"other"', etag, 10)).toEqual({ kind: "whole" });
  expect(rangeOf("bytes=5-", `W/${etag}`, etag, 10)).toEqual({ kind: "whole" });
});
