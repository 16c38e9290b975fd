import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demoConvNet } from "@flotilla/runtime";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { InferenceHost } from "./inference-host.ts";
import type { Loss } from "./model.ts";

let dir = "";
let path = "";
let host: InferenceHost;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "flotilla-host-"));
  path = join(dir, "model.onnx");
  await writeFile(path, demoConvNet({ seed: 1 }));
  host = new InferenceHost();
});
afterEach(async () => {
  await host.close();
  host = new InferenceHost();
});
afterAll(async () => {
  await host.close();
  await rm(dir, { recursive: true, force: true });
});

const open = (session: number, share = false) =>
  host.call({ kind: "open", session, modelPath: path, modelSha256: "x", settings: {}, input: { kind: "synthetic", seed: 1 }, share }, "opened");

function lossOf(session: number): Promise<Loss> {
  return new Promise((resolve) => host.watch(session, resolve));
}

test("a model runs in a process of its own, and answers its specification and the time of a run", async () => {
  const opened = await open(1);
  expect(opened.inputs).toEqual([{ name: "image", elementType: "float32", shape: ["batch", 1, 28, 28] }]);
  expect(host.pid).not.toBe(process.pid);
  expect((await host.call({ kind: "step", session: 1 }, "stepped")).latencyMs).toBeGreaterThan(0);
  expect(host.rssBytes).toBeGreaterThan(10 * 2 ** 20);
});

test("when the process dies, the model that was being worked for is guilty, the others are not, and the next call starts a new process", async () => {
  await open(1);
  await open(2);
  const losses = [lossOf(1), lossOf(2)];
  const { pid } = host;
  // Stopped, it cannot answer before it is killed.
  process.kill(pid ?? 0, "SIGSTOP");
  const dying = host.call({ kind: "step", session: 2 }, "stepped");
  process.kill(pid ?? 0, "SIGKILL");
  await expect(dying).rejects.toMatchObject({ kind: "crash" });
  expect(await Promise.all(losses)).toMatchObject([{ guilty: false }, { guilty: true }]);
  await expect(host.call({ kind: "step", session: 1 }, "stepped")).rejects.toMatchObject({ kind: "run" });
  await open(3);
  expect((await host.call({ kind: "step", session: 3 }, "stepped")).latencyMs).toBeGreaterThan(0);
  expect(host.pid).not.toBe(pid);
});

test("a file that is no model fails its own call and nothing else", async () => {
  await open(1);
  const junk = join(dir, "junk.onnx");
  await writeFile(junk, "junk");
  await expect(host.call({ kind: "open", session: 2, modelPath: junk, modelSha256: "y", settings: {}, input: { kind: "synthetic", seed: 1 }, share: false }, "opened")).rejects.toMatchObject({ kind: "load" });
  expect((await host.call({ kind: "step", session: 1 }, "stepped")).latencyMs).toBeGreaterThan(0);
});

test("sessions that share one loaded model close apart: the last one lets it go", async () => {
  await open(1, true);
  const second = await open(2, true);
  await host.call({ kind: "close", session: 1 }, "closed");
  expect((await host.call({ kind: "step", session: 2 }, "stepped")).latencyMs).toBeGreaterThan(0);
  await host.call({ kind: "close", session: 2 }, "closed");
  const third = await open(3, true);
  expect(third.loadMs).not.toBe(second.loadMs);
});

test("inputs come from a folder of files in turn, and a file that does not fit is named", async () => {
  const inputs = await mkdtemp(join(dir, "inputs-"));
  await writeFile(join(inputs, "1.bin"), Buffer.from(new Float32Array(784).buffer));
  await writeFile(join(inputs, "2.bin"), Buffer.from(new Float32Array(100).buffer));
  await host.call({ kind: "open", session: 1, modelPath: path, modelSha256: "x", settings: {}, input: { kind: "folder", dir: inputs }, share: false }, "opened");
  // Opening used the first file for its warm-up run.
  await expect(host.call({ kind: "step", session: 1 }, "stepped")).rejects.toMatchObject({ kind: "input", message: expect.stringContaining("2.bin holds 400 bytes") as string });
  expect((await host.call({ kind: "step", session: 1 }, "stepped")).latencyMs).toBeGreaterThan(0);
});
