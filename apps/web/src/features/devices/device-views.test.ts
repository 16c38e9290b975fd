import { describe, expect, test } from "vitest";
import { toCsv } from "./csv.ts";
import { isStale, presenceOrder, presenceParts, presenceWords } from "./presence.ts";
import { selectorChips, withoutChip, withRequirement } from "./selector-chips.ts";

describe("label queries as chips", () => {
  test("commas inside brackets do not cut a requirement", () => {
    const query = "class=pi4, site!=lab ,tier in (edge, gw)";
    expect(selectorChips(query).map((chip) => chip.text)).toEqual(["class=pi4", "site!=lab", "tier in (edge, gw)"]);
    for (const chip of selectorChips(query)) expect(query.slice(chip.start, chip.end)).toBe(chip.text);
  });
  test("empty and half-typed queries do not throw", () => {
    expect(selectorChips("")).toEqual([]);
    expect(selectorChips(" , ")).toEqual([]);
    expect(selectorChips("tier in (a,b").map((chip) => chip.text)).toEqual(["tier in (a,b"]);
  });
  test("a chip is removed without touching the others", () => {
    expect(withoutChip("a=1,b in (x,y),c!=2", 1)).toBe("a=1,c!=2");
  });
  test("choosing another value of a key replaces the old one and keeps its exclusions", () => {
    expect(withRequirement("class=pi4,site!=lab", "class", "orin")).toBe("site!=lab,class=orin");
    expect(withRequirement("site!=lab", "site", "berlin")).toBe("site!=lab,site=berlin");
    expect(withRequirement("", "class", "pi4")).toBe("class=pi4");
  });
});

describe("presence", () => {
  test("each presence has a word and a meaning, and the bar adds up", () => {
    expect([...presenceOrder].sort()).toEqual(Object.keys(presenceWords).sort());
    expect(presenceParts({ reporting: 20, late: 2, silent: 1, never: 1 }).reduce((sum, part) => sum + part.count, 0)).toBe(24);
  });
  test("a silent device's numbers are stale, a late one's not yet", () => {
    expect(presenceOrder.filter(isStale)).toEqual(["silent", "never"]);
  });
});

describe("copy as CSV", () => {
  test("quotes, commas and line ends survive", () => {
    expect(toCsv(["name", "note"], [["a,b", 'say "hi"'], ["x", null]])).toBe('name,note\r\n"a,b","say ""hi"""\r\nx,');
  });
  test("a device name cannot become a spreadsheet formula", () => {
    expect(toCsv(["name"], [["=HYPERLINK(1)"], [-5]])).toBe("name\r\n'=HYPERLINK(1)\r\n-5");
  });
});
