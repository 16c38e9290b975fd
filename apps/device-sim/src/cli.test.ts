import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { parseAgentFlags } from "./agent-command.ts";
import { benchForEachTest } from "./testing/bench.ts";
import { targetFor } from "./testing/build-on-peer.ts";
import { startProgram, type Program } from "./testing/program.ts";
import { UsageError } from "./usage-error.ts";

const bench = benchForEachTest();
const programs: Program[] = [];

afterEach(async () => {
  for (const program of programs.splice(0)) {
    program.process.kill("SIGKILL");
    await program.exited;
  }
});

function program(...args: string[]): Program {
  const started = startProgram(args);
  programs.push(started);
  return started;
}

const agentArgs = (...more: string[]): string[] => ["agent", "--server", bench.peer.url, "--token", "enroll-me", "--data-dir", bench.dataDir, "--name", "box-1", "--class", "bench", ...more];

test("a second process with its own folder enrols, installs, answers locally, survives a kill, and stops cleanly on SIGTERM", async () => {
  const first = program(...agentArgs("--infer-port", "0", "--label", "site=lab", "--window-ms", "1000", "--interval-ms", "20"));
  const ready = await first.line("ready");
  expect(ready).toMatchObject({ process: "agent", name: "box-1", class: "bench", deviceId: "device-1" });
  const device = bench.peer.device("box-1");
  const build = await bench.publish("a");
  device.target = targetFor(build, 1);
  const report = await bench.peer.until("it runs the build", () => device.syncs.map((sync) => sync.report).find((r) => r.deployment?.phase === "succeeded"));
  expect(report.running?.modelSha256).toBe(build.modelSha256);
  expect(report.class).toMatchObject({ name: "bench", simulated: false, runtime: { name: "onnxruntime-node", version: "1.30.0" } });
  expect(report.class.memoryBytes).toBeGreaterThan(2 ** 28);
  const answer = await fetch(String(ready.inferUrl), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ inputs: {} }) });
  expect(answer.status).toBe(400);

  first.process.kill("SIGKILL");
  await first.exited;
  bench.peer.enrollmentTokens.clear();
  const again = program(...agentArgs());
  await again.line("ready");
  const syncs = device.syncs.length;
  await bench.peer.until("it runs the build again", () => device.syncs.length > syncs && device.syncs.at(-1)?.report.running?.modelSha256 === build.modelSha256);
  again.process.kill("SIGTERM");
  expect(await again.exited).toBe(0);
  expect(again.output().match(/"msg":"ready"/g)).toHaveLength(1);
});

test("--once brings the target about, reports it and ends; a failed install ends with 1", async () => {
  const idle = program(...agentArgs("--once"));
  expect(await idle.exited).toBe(0);
  const device = bench.peer.device("box-1");
  device.target = targetFor(await bench.publish("a"), 1);
  const good = program(...agentArgs("--once", "--interval-ms", "20"));
  expect(await good.exited).toBe(0);
  expect(device.syncs.at(-1)?.report.deployment).toMatchObject({ targetVersion: 1, phase: "succeeded" });
  device.target = targetFor(await bench.publish("b", { model: Buffer.from("no model") }), 2);
  const bad = program(...agentArgs("--once"));
  expect(await bad.exited).toBe(1);
  expect(device.syncs.at(-1)?.report.deployment).toMatchObject({ targetVersion: 2, phase: "failed", failure: { code: "load_failed" } });
});

test("a second process on the same folder is refused while the first one lives", async () => {
  const first = program(...agentArgs());
  await first.line("ready");
  const second = program(...agentArgs());
  expect(await second.exited).toBe(1);
  expect(second.errors()).toContain("in use by another process");
  expect(first.process.exitCode).toBeNull();
});

test("what cannot work is said in one sentence: token, folder, port, flags", async () => {
  const badToken = program("agent", "--server", bench.peer.url, "--token", "nope", "--data-dir", bench.dataDir);
  expect(await badToken.exited).toBe(1);
  expect(badToken.errors()).toContain("the enrolment token is not valid (enrollment_token_invalid)");
  const badFolder = program("agent", "--server", bench.peer.url, "--data-dir", join(process.execPath, "x"));
  expect(await badFolder.exited).toBe(1);
  expect(badFolder.errors()).toMatch(/^the data folder .* cannot be made/);
  const badPort = program(...agentArgs("--infer-port", new URL(bench.peer.url).port));
  expect(await badPort.exited).toBe(1);
  expect(badPort.errors()).toContain("EADDRINUSE");
  const badFlags = program("agent", "--server", "ftp://x", "--label", "nonsense", "--infer-port", "99999");
  expect(await badFlags.exited).toBe(2);
  for (const words of ["http://", "KEY=VALUE", "infer-port", "--data-dir DIR"]) expect(badFlags.errors()).toContain(words);
  const unknown = program("agnet");
  expect(await unknown.exited).toBe(2);
});

test("the program ends by itself when its parent process is gone", async () => {
  const parent = startProgram(["agent", "--server", bench.peer.url, "--data-dir", join(bench.dataDir, "parent"), "--token", "enroll-me", "--name", "parent"]);
  programs.push(parent);
  await parent.line("ready");
  const child = startProgram(agentArgs(), { FLOTILLA_PARENT_PID: String(parent.process.pid) });
  programs.push(child);
  await child.line("ready");
  parent.process.kill("SIGKILL");
  await parent.exited;
  expect(await child.exited).toBe(0);
});

test("flags have the documented defaults, and mistakes in them are all named", () => {
  expect(parseAgentFlags(["--server", "http://x:1"])).toMatchObject({ "data-dir": ".flotilla-agent", "interval-ms": 1_000, "window-ms": 60_000, label: {}, input: { kind: "synthetic" }, once: false });
  expect(parseAgentFlags(["--server", "https://x", "--label", "a=1", "--label", "b=", "--input", "folder:/in"])).toMatchObject({ label: { a: "1", b: "" }, input: { kind: "folder", dir: "/in" } });
  expect(() => parseAgentFlags(["--server", "http://x", "--nonsense"])).toThrow(UsageError);
  expect(() => parseAgentFlags([])).toThrow("give the server's address");
  expect(() => parseAgentFlags(["--server", "http://x", "--input", "camera"])).toThrow("neither synthetic nor folder:DIR");
});
