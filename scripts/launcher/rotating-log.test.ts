import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { RotatingLog } from "./rotating-log.ts";

let file: string;
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-log-"));
  file = join(folder, "part.log");
  return () => rmSync(folder, { recursive: true, force: true });
});

test("a log never outgrows its limit, keeps one predecessor, and goes on where an earlier run stopped", () => {
  const first = new RotatingLog(file, 10);
  first.write("12345\n");
  first.close();
  const second = new RotatingLog(file, 10);
  second.write("67890\n");
  expect(readFileSync(file, "utf8")).toBe("67890\n");
  expect(readFileSync(`${file}.1`, "utf8")).toBe("12345\n");
  second.write("abc\n");
  second.write("d\n");
  expect(readFileSync(file, "utf8")).toBe("d\n");
  expect(readFileSync(`${file}.1`, "utf8")).toBe("67890\nabc\n");
  second.close();
});
