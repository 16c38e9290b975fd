import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test, vi } from "vitest";
import { identifyProcess, isSameProcess, watchProcess } from "./process-identity.ts";

const WAITS = ["-e", "setInterval(() => {}, 1000)"];

test("the end of a watched process is told once, and nobody is watched when nobody is named", async () => {
  const watched = spawn(process.execPath, WAITS, { stdio: "ignore" });
  const lives = spawn(process.execPath, WAITS, { stdio: "ignore" });
  const [gone, still, nobody] = [vi.fn<() => void>(), vi.fn<() => void>(), vi.fn<() => void>()];
  watchProcess(watched.pid, gone);
  watchProcess(lives.pid, still);
  watchProcess(undefined, nobody);
  watched.kill("SIGKILL");
  await vi.waitFor(() => expect(gone).toHaveBeenCalled(), { timeout: 10_000 });
  expect([gone.mock.calls.length, still.mock.calls.length, nobody.mock.calls.length]).toEqual([1, 0, 0]);
  lives.kill("SIGKILL");
  await once(lives, "exit");
});

test("a number that belongs to another process now is not the process that was named", () => {
  const me = identifyProcess(process.pid);
  if (me?.startedAt === null || me === undefined) return expect(process.platform, "only Linux tells when a process started").not.toBe("linux");
  expect(isSameProcess(me)).toBe(true);
  expect(isSameProcess({ ...me, startedAt: `${Number(me.startedAt) - 1}` })).toBe(false);
});
