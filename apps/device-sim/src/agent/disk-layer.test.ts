import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createCrashDisk } from "../testing/crash-disk.ts";
import { createDisk } from "./disk.ts";

/** Files that may touch a file system, and why. */
const ALLOWED: Record<string, string> = {
  "disk.ts": "is the layer",
  "input-source.ts": "reads a folder that people name",
  "resources.ts": "reads the chip's temperature",
  "probe-main.ts": "is the sandbox child, which reads a golden set",
};

test("all disk work of the agent goes through disk.ts: elsewhere a power cut could not be tried", () => {
  const using = readdirSync(import.meta.dirname).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && /from "(node:)?fs(\/promises)?"/.test(readFileSync(join(import.meta.dirname, file), "utf8")));
  expect(using.toSorted()).toEqual(Object.keys(ALLOWED).toSorted());
  for (const file of using.filter((name) => name !== "disk.ts")) {
    expect(readFileSync(join(import.meta.dirname, file), "utf8"), file).not.toMatch(/\b(writeFile|appendFile|rename|unlink|rm|mkdir|open|link|truncate|createWriteStream)\b[^"\n]*from "node:fs/);
  }
});

test("a folder that was made, and what was synced in it, is there after any power cut", async () => {
  const crash = createCrashDisk("/data", { start: { files: new Map(), folders: new Set(["/data"]) }, note: () => null });
  const disk = createDisk("/data", crash.life().steps);
  await disk.makeDirectory("above/below");
  await disk.append("above/below/file", "bytes");
  await disk.syncDirectory("above/below");
  const { images } = crash.crashesAfter(crash.size());
  expect(images.map(({ files }) => files.get("/data/above/below/file")?.length)).toEqual(images.map(() => "bytes".length));
  expect(images.length).toBeGreaterThan(0);
});
