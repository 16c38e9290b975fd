import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addSample, backoffMs, isSameFile, missingParts, parseRemembered, partRange, receivedBytes, speedOf, type Sample } from "./transfer-plan.ts";

describe("parts", () => {
  test("every byte of the file is in exactly one part", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 4_000 }), (sizeBytes, partSizeBytes) => {
        let next = 0;
        for (const n of missingParts({ sizeBytes, partSizeBytes, receivedParts: [] })) {
          const { start, end } = partRange(n, sizeBytes, partSizeBytes);
          expect(start).toBe(next);
          expect(end).toBeGreaterThan(start);
          next = end;
        }
        expect(next).toBe(sizeBytes);
      }),
    );
  });

  test("only what has not arrived is sent again", () => {
    const upload = { sizeBytes: 25, partSizeBytes: 10, receivedParts: [3, 1] };
    expect(missingParts(upload)).toEqual([2]);
    expect(receivedBytes(upload)).toBe(15);
    expect(receivedBytes({ ...upload, receivedParts: [3, 3, 3] })).toBe(5);
  });
});

describe("waiting", () => {
  test("it waits longer from try to try, never longer than half a minute, never not at all", () => {
    expect(backoffMs(1, 1)).toBe(1_000);
    expect(backoffMs(4, 1)).toBe(8_000);
    expect(backoffMs(5_000, 1)).toBe(30_000);
    expect(backoffMs(1, 0)).toBe(250);
  });
});

describe("speed", () => {
  const feed = (samples: Sample[]): Sample[] => samples.reduce<Sample[]>((kept, sample) => addSample(kept, sample), []);

  test("it is that of the last seconds, not the mean since the start", () => {
    const slowThenFast = Array.from({ length: 40 }, (_, second) => ({ atMs: second * 1000, bytes: second < 20 ? second : 20 + (second - 20) * 1000 }));
    expect(speedOf(feed(slowThenFast))).toBe(1000);
  });

  test("a part that is sent again does not make it negative", () => {
    expect(speedOf(feed([{ atMs: 0, bytes: 0 }, { atMs: 1000, bytes: 800 }, { atMs: 1500, bytes: 100 }, { atMs: 2500, bytes: 600 }]))).toBe(500);
  });

  test("nothing is claimed from too little", () => {
    expect(speedOf(feed([{ atMs: 0, bytes: 0 }, { atMs: 100, bytes: 10_000 }]))).toBeNull();
  });
});

describe("what is remembered over a reload", () => {
  const entry = { uploadId: "upl_1", sha256: "a".repeat(64), filename: "m.onnx", sizeBytes: 10, lastModified: 5, sentBytes: 4, savedAtMs: 1_000 };

  test("another file of the same name is not taken for the begun one", () => {
    expect(isSameFile(entry, { filename: "m.onnx", sizeBytes: 10, lastModified: 5 })).toBe(true);
    for (const other of [{ filename: "n.onnx" }, { sizeBytes: 11 }, { lastModified: 6 }]) {
      expect(isSameFile(entry, { filename: "m.onnx", sizeBytes: 10, lastModified: 5, ...other }), JSON.stringify(other)).toBe(false);
    }
  });

  test("spoiled or old notes are dropped, good ones stay", () => {
    const day = 24 * 3600_000;
    expect(parseRemembered(JSON.stringify([entry, { ...entry, savedAtMs: 1_000 - day }, { uploadId: 3 }, null]), 2_000)).toEqual([entry]);
    for (const text of [null, "", "{", "3", '{"a":1}']) expect(parseRemembered(text, 0), String(text)).toEqual([]);
  });
});
