import { FleetError } from "@flotilla/protocol";
import { expect, test } from "vitest";
import { nameOf, storableJson, storableText, textOf } from "./text-rules.ts";

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return "accepted";
  } catch (error) {
    return error instanceof FleetError ? error.code : "not a FleetError";
  }
};

test("a name is trimmed and may be in any language", () => {
  expect(nameOf("The name", "  Ziffern-Leser 数字 🚀 ", 100)).toBe("Ziffern-Leser 数字 🚀");
});

test("a name that is empty, too long, or would show as another one is refused", () => {
  for (const bad of ["", "   ", "x".repeat(101), "a\u0000b", "a\nb", "\u202Egnp.exe", "a\u2066b", "a\u001b[2J", "a\ufeffb"]) {
    expect(codeOf(() => nameOf("The name", bad, 100)), JSON.stringify(bad)).toBe("bad_request");
  }
});

test("longer text may be empty and have lines, whatever ends them", () => {
  expect(textOf("The notes", "", 10)).toBe("");
  expect(textOf("The notes", "one\r\ntwo\n\tthree", 100)).toBe("one\ntwo\n\tthree");
  expect(codeOf(() => textOf("The notes", "a\u0000b", 10))).toBe("bad_request");
});

test("what PostgreSQL cannot hold is replaced everywhere in a value, and nothing else is", () => {
  expect(storableText("a\u0000b\ud83d")).toBe("a\ufffdb\ufffd");
  expect(storableJson({ "k\u0000": ["v\u0000", 1, null, true, { a: "🚀" }] })).toEqual({ "k\ufffd": ["v\ufffd", 1, null, true, { a: "🚀" }] });
});
