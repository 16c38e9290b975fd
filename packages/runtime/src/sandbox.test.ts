import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runInSandbox } from "./sandbox.ts";
import type { HostileInput } from "./testing/hostile-entry.ts";
import type { SandboxLimits, SandboxOutcome } from "./types.ts";

const ENTRY = new URL("./testing/hostile-entry.ts", import.meta.url);
const MIB = 1024 * 1024;
const LIMITS: SandboxLimits = { memoryBytes: 400 * MIB, cpuSeconds: 10, wallMs: 20_000, outputBytes: MIB, fileBytes: MIB };

/** Containers and hardened hosts often forbid them; the sandbox then does without. */
const HAS_NAMESPACES = spawnSync("unshare", ["--user", "--map-root-user", "--net", "--", "true"]).status === 0;

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-sandbox-test-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

/** Whatever the outcome, nothing may be left behind. */
async function run(input: HostileInput, rest: { limits?: Partial<SandboxLimits>; signal?: AbortSignal; onProgress?: (value: unknown) => void } = {}): Promise<SandboxOutcome<unknown>> {
  const { limits, ...others } = rest;
  const outcome = await runInSandbox({ entry: ENTRY, input, limits: { ...LIMITS, ...limits }, workDir, ...others });
  expect(readdirSync(workDir), "the child's directory is gone").toEqual([]);
  return outcome;
}

describe("a child that behaves", () => {
  test("gets its input and hands back its output with what it used", async () => {
    const value = { text: "ü\n", list: [1, null, { a: true }] };
    const outcome = await run({ act: "echo", value });
    expect(outcome).toMatchObject({ kind: "ok", output: value });
    if (outcome.kind !== "ok") return;
    expect(outcome.peakRssBytes).toBeGreaterThan(20 * MIB);
    expect(outcome.cpuMs).toBeGreaterThan(0);
    expect(outcome.wallMs).toBeGreaterThan(0);
  });

  test("sees nothing of the parent's environment and stands in an empty directory of its own", async () => {
    const outcome = await run({ act: "environment" });
    if (outcome.kind !== "ok") throw new Error(JSON.stringify(outcome));
    const { environment, directory } = outcome.output as { environment: Record<string, string>; directory: string };
    expect(Object.keys(environment).filter((key) => !["HOME", "TMPDIR", "PWD", "SHLVL", "_", "OLDPWD"].includes(key))).toEqual([]);
    expect(directory.startsWith(workDir)).toBe(true);
  });

  test(`has no network${HAS_NAMESPACES ? "" : " (skipped: this system forbids network namespaces)"}`, { skip: !HAS_NAMESPACES }, async () => {
    expect(await run({ act: "network" })).toMatchObject({ kind: "ok", output: 0 });
  });

  test("fails with the code and the words of what it threw", async () => {
    expect(await run({ act: "throw" })).toEqual({ kind: "failed", code: "custom_code", message: "refused for a reason" });
  });
});

describe("a child that does not behave is ended, and the outcome says why", () => {
  test("memory outside the JavaScript heap", async () => {
    expect(await run({ act: "hog-memory" })).toEqual({ kind: "out_of_memory" });
  });

  test("memory of the JavaScript heap", async () => {
    expect(await run({ act: "hog-heap" }, { limits: { memoryBytes: 150 * MIB } })).toEqual({ kind: "out_of_memory" });
  });

  test("CPU time", async () => {
    expect(await run({ act: "hog-cpu" }, { limits: { cpuSeconds: 1 } })).toEqual({ kind: "cpu_exceeded" });
  });

  test("wall time", async () => {
    expect(await run({ act: "sleep" }, { limits: { wallMs: 1_000 } })).toEqual({ kind: "timeout" });
  });

  test("a crash in native code", async () => {
    expect(await run({ act: "segfault" })).toMatchObject({ kind: "crashed", signal: "SIGSEGV" });
  });

  test("an exit without a word", async () => {
    expect(await run({ act: "exit" })).toMatchObject({ kind: "crashed", exitCode: 7, signal: null });
  });

  test("an output that is too large", async () => {
    expect(await run({ act: "flood" })).toMatchObject({ kind: "failed", code: "output_too_large" });
  });

  test.each([
    ["no JSON", "this is { not json\n", { kind: "failed", code: "protocol" }],
    ["null", "null\n", { kind: "failed", code: "protocol" }],
    ["a list", "[[[]]]\n", { kind: "failed", code: "protocol" }],
    ["an unknown type", '{"type":"__proto__"}\n', { kind: "failed", code: "protocol" }],
    ["a failure of objects", '{"type":"failed","code":{"toString":1},"message":[null]}\n', { kind: "failed", code: "unknown" }],
    ["a success without sense", '{"type":"ok","cpuMs":"x","peakRssBytes":null}\n', { kind: "ok", output: undefined, cpuMs: 0 }],
    ["two answers", '{"type":"ok","output":1}\n{"type":"ok","output":2}\n', { kind: "ok", output: 1 }],
  ])("words that are no message: %s", async (_, line, outcome) => {
    expect(await run({ act: "say", line })).toMatchObject(outcome);
  });

  test("progress that the caller cannot take", async () => {
    const onProgress = () => {
      throw new Error("not this");
    };
    expect(await run({ act: "report-and-sleep" }, { onProgress })).toEqual({ kind: "failed", code: "progress_refused", message: "not this" });
  });

  test("a file that is too large", async () => {
    expect(await run({ act: "fill-disk" })).toMatchObject({ kind: "failed", code: "EFBIG" });
  });

  test("an entry that does not exist", async () => {
    const outcome = await runInSandbox({ entry: new URL("./testing/no-such-entry.ts", import.meta.url), input: null, limits: LIMITS, workDir });
    expect(outcome).toMatchObject({ kind: "crashed", exitCode: 1 });
  });
});

describe("cancelling", () => {
  test("ends a child at work, even when it never yields", async () => {
    const controller = new AbortController();
    const outcome = await run({ act: "orphan" }, { signal: controller.signal, onProgress: () => controller.abort() });
    expect(outcome).toEqual({ kind: "cancelled" });
  });

  test("before the start starts nothing", async () => {
    expect(await run({ act: "echo", value: 1 }, { signal: AbortSignal.abort() })).toEqual({ kind: "cancelled" });
  });
});

/** Waits until the process is gone or a zombie that only waits to be collected. */
async function isGone(pid: number): Promise<void> {
  const state = () => (existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /, "")[0] : "gone");
  await expect.poll(state, { timeout: 20_000, interval: 20 }).toMatch(/gone|Z|X/);
}

describe.skipIf(process.platform !== "linux")("no child outlives its parent", () => {
  // "orphan" is blocked in a loop and reads nothing (as in native code); "report-and-sleep" would notice its closed stdin.
  for (const act of ["orphan", "report-and-sleep"]) {
    test(`parent killed with SIGKILL while the child does ${act}`, async () => {
      const place = mkdtempSync(join(tmpdir(), "flotilla-orphan-test-"));
      const parent = spawn(process.execPath, [fileURLToPath(new URL("./testing/short-lived-parent.ts", import.meta.url)), place, act], { stdio: ["ignore", "pipe", "inherit"] });
      const line = await new Promise<string>((resolve) => parent.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString())));
      const { pid } = JSON.parse(line) as { pid: number };
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      parent.kill("SIGKILL");
      await isGone(pid);
      rmSync(place, { recursive: true, force: true });
    });
  }
});
