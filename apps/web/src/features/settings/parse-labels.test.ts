import { labelsSchema } from "@flotilla/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseLabels } from "./parse-labels.ts";

test("labels are read as they are written, spaces and line ends allowed", () => {
  expect(parseLabels(" site = berlin,tier=edge\nempty= ,")).toEqual({ labels: { site: "berlin", tier: "edge", empty: "" }, fault: null });
  expect(parseLabels("")).toEqual({ labels: {}, fault: null });
});

test("the first part that is wrong is named", () => {
  for (const [text, word] of [["berlin", "berlin"], ["a=b=c", "a=b=c"], ["-x=1", "-x"], ["x=a b", "a b"], ["x=1,x=2", "twice"], ["=1", "cannot be a label"]] as const) {
    expect(parseLabels(text).fault, text).toContain(word);
  }
});

test("what is accepted here is never refused by the server", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), (text) => {
      const { labels, fault } = parseLabels(text);
      expect(fault !== null || labelsSchema.safeParse(labels).success).toBe(true);
    }),
  );
});
