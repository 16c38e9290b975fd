import { mkdir, mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sweepWorkDirectories } from "./work-directories.ts";

let root: string;
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), "flotilla-sweep-")), "work");
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function directory(name: string, ageMs: number): Promise<void> {
  await mkdir(join(root, name), { recursive: true });
  const at = new Date(Date.now() - ageMs);
  await utimes(join(root, name), at, at);
}

test("only what a dead worker left goes: not what is in use, young, or not ours", async () => {
  await directory("job_dead-0123abcd", 120_000);
  await directory("job_alive-0123abcd", 120_000);
  await directory("job_young-0123abcd", 1_000);
  await directory("somebody-elses", 120_000);
  const asked: unknown[] = [];
  const removed = await sweepWorkDirectories(root, async (held) => {
    asked.push(...held.map(({ jobId, tokenStart }) => `${jobId} ${tokenStart}`));
    return new Set(["job_alive"]);
  });
  expect(removed).toBe(1);
  expect(asked).toEqual(["job_alive 0123abcd", "job_dead 0123abcd"]);
  expect((await readdir(root)).toSorted()).toEqual(["job_alive-0123abcd", "job_young-0123abcd", "somebody-elses"]);
});

test("where there is nothing yet, a place is made and nobody is asked", async () => {
  expect(await sweepWorkDirectories(root, () => Promise.reject(new Error("asked")))).toBe(0);
  expect(await readdir(root)).toEqual([]);
});
