import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identifyProcess } from "@flotilla/db/setup";
import { beforeEach, expect, test } from "vitest";
import { openDataFolder, readSecrets } from "./data-folder.ts";
import { Refusal } from "./refusal.ts";

let dir: string;
beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), "flotilla-data-"));
  dir = join(root, "data");
  return () => rmSync(root, { recursive: true, force: true });
});

const refusalOf = (path: string): string => {
  try {
    openDataFolder(path);
    return "none";
  } catch (error) {
    return error instanceof Refusal ? error.message : `not a refusal: ${String(error)}`;
  }
};

test("a folder in use names the process and the address", () => {
  const folder = openDataFolder(dir);
  folder.announce("http://127.0.0.1:3000");
  expect(refusalOf(dir)).toBe(
    `Flotilla is running already in ${dir} at http://127.0.0.1:3000 (process ${process.pid}). Stop it first, or start another one with --data-dir.`,
  );
  folder.release();
  expect(refusalOf(dir)).toBe("none");
});

test("the claim of a process that is gone is taken over, also when its number runs again", async () => {
  openDataFolder(dir).release();
  const gone = spawn(process.execPath, ["-e", ""]);
  const { pid } = gone;
  await once(gone, "exit");
  writeFileSync(join(dir, "launcher.json"), JSON.stringify({ process: { pid, startedAt: "1" } }));
  expect(refusalOf(dir)).toBe("none");
  writeFileSync(join(dir, "launcher.json"), JSON.stringify({ process: { pid: process.pid, startedAt: "1" } }));
  expect(refusalOf(dir)).toBe("none");
});

test("a claim that was cut while it was written is taken over", () => {
  openDataFolder(dir).release();
  writeFileSync(join(dir, "launcher.json"), '{"proc');
  expect(refusalOf(dir)).toBe("none");
  expect(JSON.parse(readFileSync(join(dir, "launcher.json"), "utf8"))).toEqual({ process: identifyProcess(process.pid) });
});

test("a folder that cannot be written is refused with a sentence", () => {
  const file = `${dir}-file`;
  writeFileSync(file, "");
  expect(refusalOf(join(file, "data"))).toMatch(/^The data folder .*\/data cannot be written: ENOTDIR.* Choose another one with --data-dir\.$/);
});

test("secrets are made once, are long, and only their owner can read them", () => {
  const folder = openDataFolder(dir);
  const first = readSecrets(folder);
  expect(readSecrets(folder)).toEqual(first);
  expect(new Set(Object.values(first)).size).toBe(5);
  expect(Math.min(first.authSecret.length, first.uploadTicketSecret.length, first.deviceTokenSecret.length)).toBeGreaterThanOrEqual(32);
  expect(statSync(folder.secretsFile).mode & 0o777).toBe(0o600);
});
