import { expect, test } from "vitest";
import { runStep } from "./run-step.ts";

const quiet = { cwd: import.meta.dirname, isQuiet: true };

test("a step is what its program says: its exit code and its words", async () => {
  expect(await runStep(["-e", "console.log('done')"], quiet)).toMatchObject({ isOk: true, output: "done\n" });
  expect(await runStep(["-e", "process.exit(3)"], quiet)).toMatchObject({ isOk: false });
  expect(await runStep([], { ...quiet, program: "/no/such/program" })).toMatchObject({ isOk: false });
});

test("a program that hangs is ended, and the step says so", async () => {
  const { isOk, output } = await runStep(["-e", "setInterval(() => {}, 1000)"], { ...quiet, limitMs: 200 });
  expect(isOk).toBe(false);
  expect(output).toContain("did not end within");
});

test("a program that ends in time is not touched by its limit", async () => {
  expect(await runStep(["-e", "0"], { ...quiet, limitMs: 60_000 })).toMatchObject({ isOk: true });
});
