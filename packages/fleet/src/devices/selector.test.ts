import { describe, expect, test } from "vitest";
import { FleetError } from "@flotilla/protocol";
import { matchesSelector, parseSelector } from "./selector.ts";

const selects = (query: string, labels: Record<string, string>): boolean => matchesSelector(parseSelector(query), labels);
const faultOf = (query: string): string => {
  try {
    parseSelector(query);
  } catch (error) {
    if (error instanceof FleetError && error.code === "selector_invalid") return error.public;
    throw error;
  }
  return "";
};

describe("selectors", () => {
  test("empty text selects every device", () => {
    expect(selects("", {})).toBe(true);
    expect(selects("   ", { class: "pi4" })).toBe(true);
  });

  test("all conditions must hold, and spaces do not matter", () => {
    const query = " class = pi4 ,site!=lab, tier in ( edge , gw ) , gpu , ! retired ";
    const labels = { class: "pi4", site: "home", tier: "gw", gpu: "" };
    expect(selects(query, labels)).toBe(true);
    expect(selects(query, { ...labels, class: "pi5" })).toBe(false);
    expect(selects(query, { ...labels, site: "lab" })).toBe(false);
    expect(selects(query, { ...labels, tier: "cloud" })).toBe(false);
    expect(selects(query, { ...labels, retired: "" })).toBe(false);
    expect(selects("gpu", { class: "pi4" })).toBe(false);
  });

  test("!= and notin hold for devices without the label, as in Kubernetes", () => {
    expect(selects("site!=lab", {})).toBe(true);
    expect(selects("site notin (lab, home)", {})).toBe(true);
    expect(selects("site notin (lab, home)", { site: "home" })).toBe(false);
  });

  test("= and == are one, a missing value is the empty one, and prefixed keys work", () => {
    expect(selects("class==pi4", { class: "pi4" })).toBe(true);
    expect(selects("gpu=", { gpu: "" })).toBe(true);
    expect(selects("gpu=", {})).toBe(false);
    expect(selects("acme.io/tier=edge", { "acme.io/tier": "edge" })).toBe(true);
    expect(selects("in in (in)", { in: "in" })).toBe(true);
    expect(selects("indoor", { indoor: "1" })).toBe(true);
  });

  test("names of the object prototype are ordinary keys", () => {
    expect(selects("constructor", {})).toBe(false);
    expect(selects("!toString", {})).toBe(true);
  });

  test("a fault is refused with its position, never guessed around", () => {
    expect(faultOf("class=pi4,")).toBe("Expected a label key (1 to 63 letters, digits, '.', '_', '/' or '-') at position 11, found the end.");
    expect(faultOf("class pi4")).toBe('Expected a "," between two conditions at position 7, found "pi4".');
    expect(faultOf("a in (b")).toContain('")" after the list of values at position 8');
    expect(faultOf("a in b")).toContain('"(" and a list of values');
    expect(faultOf("=x")).toContain("label key");
    expect(faultOf("a=/x")).toContain("label value");
    expect(faultOf("a=b;drop table device")).toContain("between two conditions");
    expect(faultOf("a=-b")).toContain("label value");
    expect(faultOf("a".repeat(3000))).toContain("longer than");
    expect(faultOf(Array.from({ length: 33 }, (_, i) => `k${i}`).join(","))).toContain("at most 32");
    expect(faultOf(`a in (${"b,".repeat(64)}b)`)).toContain("at most 64");
  });
});
