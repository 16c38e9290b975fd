import { expect, test } from "vitest";
import { cn } from "./class-names.ts";

test("our own text sizes and colours do not push each other out", () => {
  expect(cn("text-accent-ink", "text-ui")).toBe("text-accent-ink text-ui");
  expect(cn("text-2xs text-muted")).toBe("text-2xs text-muted");
});

test("of two sizes the later one wins, and nothing is left of what was switched off", () => {
  expect(cn("h-8 text-ui", false, undefined, "h-10 text-2xs")).toBe("h-10 text-2xs");
});
