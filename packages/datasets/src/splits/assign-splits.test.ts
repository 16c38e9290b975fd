import fc from "fast-check";
import { expect, test } from "vitest";
import { ExampleColumns, SPLITS } from "../file/example-columns.ts";
import { DATASET_LIMITS } from "../limits.ts";
import type { Split } from "../types.ts";
import { assignSplits, DROPPED } from "./assign-splits.ts";

const FRACTIONS = { train: 0.7, calibration: 0.05, validation: 0.1, test: 0.15 };

type Described = { readonly content: number; readonly label: number; readonly group?: number; readonly split?: Split | null };

function assign(examples: readonly Described[], seed = 1, fractions = FRACTIONS): ReturnType<typeof assignSplits> {
  const columns = new ExampleColumns(DATASET_LIMITS);
  for (const { content, label, group, split } of examples) {
    columns.add(
      { id: "", payload: Buffer.from(String(content)), encoding: "raw", label, split: split ?? null, group: group === undefined ? null : String(group) },
      { offset: 0, idBytes: 0, checksum: 0 },
    );
  }
  const classes = Math.max(0, ...examples.map(({ label }) => label)) + 1;
  return assignSplits(columns, Float64Array.from(examples, ({ label }) => label), classes, { seed, fractions });
}

function countsBy(examples: readonly Described[], split: Uint8Array, label: number): number[] {
  return SPLITS.map((_, at) => examples.filter((example, index) => example.label === label && split[index] === at).length);
}

const described = fc.record({ content: fc.integer({ min: 0, max: 40 }), label: fc.integer({ min: 0, max: 3 }), group: fc.integer({ min: 0, max: 15 }) });
const maybeSplit = fc.constantFrom<Split | null>("train", "calibration", "validation", "test", null);

test("every class meets its share of every split to one example when all are different", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 300 }), fc.integer({ min: 0, max: 1_000 }), (labels, seed) => {
      const examples = labels.map((label, content) => ({ content, label }));
      const { split } = assign(examples, seed);
      for (const label of new Set(labels)) {
        const counts = countsBy(examples, split, label);
        const all = counts.reduce((sum, count) => sum + count, 0);
        for (const [at, name] of SPLITS.entries()) expect(Math.abs((counts[at] ?? 0) - all * FRACTIONS[name])).toBeLessThan(2);
      }
    }),
    { numRuns: 60 },
  );
});

test("many small classes still fill the small splits", () => {
  const examples = Array.from({ length: 500 }, (_, content) => ({ content, label: content % 100 }));
  const { split } = assign(examples);
  const counts = SPLITS.map((_, at) => split.filter((value) => value === at).length);
  expect(counts.map((count, at) => Math.abs(count - 500 * FRACTIONS[SPLITS[at] ?? "train"]) <= 15)).toEqual([true, true, true, true]);
});

test("equal contents and members of a group are never parted, and nobody is lost", () => {
  fc.assert(
    fc.property(fc.array(described, { minLength: 1, maxLength: 120 }), fc.integer({ min: 0, max: 99 }), (examples, seed) => {
      const { split, duplicates } = assign(examples, seed);
      for (const key of ["content", "group"] as const) {
        const home = new Map<number, number | undefined>();
        for (const [at, example] of examples.entries()) {
          if (home.has(example[key])) expect(split[at]).toBe(home.get(example[key]));
          home.set(example[key], split[at]);
        }
      }
      expect(split.every((value) => value < SPLITS.length)).toBe(true);
      expect(duplicates.examples).toBe(examples.length - new Set(examples.map(({ content }) => content)).size);
    }),
    { numRuns: 100 },
  );
});

test("whatever the folders say, no content is in two splits, and what they say of test is kept", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ content: fc.integer({ min: 0, max: 30 }), label: fc.integer({ min: 0, max: 2 }), split: maybeSplit }), { minLength: 1, maxLength: 80 }), (examples) => {
      const { split, duplicates } = assign(examples);
      const home = new Map<number, number | undefined>();
      for (const [at, { content, split: said }] of examples.entries()) {
        if (said === "test") expect(split[at]).toBe(SPLITS.indexOf("test"));
        if (split[at] === DROPPED) continue;
        if (home.has(content)) expect(split[at]).toBe(home.get(content));
        home.set(content, split[at]);
      }
      expect(home.size).toBe(new Set(examples.map(({ content }) => content)).size);
      expect(duplicates.droppedAcrossSplits).toBe(split.filter((value) => value === DROPPED).length);
    }),
    { numRuns: 100 },
  );
});

test("a set that is all test stays all test", () => {
  const examples = Array.from({ length: 10 }, (_, content) => ({ content, label: 0, split: "test" as const }));
  expect(assign(examples)).toMatchObject({ method: "folders", split: new Uint8Array(10).fill(SPLITS.indexOf("test")) });
});

test("one content under two labels is told", () => {
  expect(assign([{ content: 1, label: 0 }, { content: 1, label: 1 }, { content: 2, label: 0 }]).duplicates).toEqual({ examples: 1, droppedAcrossSplits: 0, conflictingLabels: 1 });
});
