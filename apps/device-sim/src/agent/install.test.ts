import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SyncRequest } from "@flotilla/protocol";
import { expect, test } from "vitest";
import { benchForEachTest, demoGolden, demoModel } from "../testing/bench.ts";
import { targetFor } from "../testing/build-on-peer.ts";
import type { PeerDevice } from "../testing/gateway-peer.ts";
import { createDisk, nodeFsSteps } from "./disk.ts";
import { ModelFailure, type ModelPort } from "./model.ts";
import { systemRandom } from "./random.ts";

const bench = benchForEachTest();

type Report = SyncRequest["report"];
const latest = (device: PeerDevice): Report | undefined => device.syncs.at(-1)?.report;

/** The report in which the deployment of a target has ended. */
function ended(device: PeerDevice, targetVersion: number): Promise<Report> {
  return bench.peer.until(`target ${targetVersion} is reached or given up`, () => {
    const report = latest(device);
    const phase = report?.deployment?.targetVersion === targetVersion ? report.deployment.phase : undefined;
    return phase === "succeeded" || phase === "failed" ? report : null;
  });
}

test("an enrolled device installs a real model and reports success only with the running digest and a passed probe", async () => {
  await bench.start();
  const device = await bench.device();
  const build = await bench.publish("a");
  device.target = targetFor(build, 1);
  const report = await ended(device, 1);
  expect(report.deployment).toMatchObject({ phase: "succeeded", attempt: 1, probe: { passed: true } });
  expect(report.running).toMatchObject({ buildId: "build-a", modelSha256: build.modelSha256, manifestSha256: build.manifest.sha256, versionId: build.versionId });
  for (const sync of device.syncs) if (sync.report.deployment?.phase === "succeeded") expect(sync.report.running?.modelSha256).toBe(build.modelSha256);
  expect(report.slots.map((slot) => slot.state)).toEqual(["active", "empty"]);
  const onDisk = await readFile(join(bench.dataDir, "slots/a/files/model.onnx"));
  expect(createHash("sha256").update(onDisk).digest("hex")).toBe(build.modelSha256);
});

test("a second build goes to the other slot; rolling back to the first downloads nothing", async () => {
  await bench.start();
  const device = await bench.device();
  const [a, b] = [await bench.publish("a"), await bench.publish("b")];
  device.target = targetFor(a, 1);
  await ended(device, 1);
  device.target = targetFor(b, 2);
  expect((await ended(device, 2)).running?.buildId).toBe("build-b");
  const sentBefore = bench.peer.artifactBytesSent;
  device.target = targetFor(a, 3);
  const report = await ended(device, 3);
  expect(report.running?.buildId).toBe("build-a");
  expect(report.deployment).toMatchObject({ phase: "succeeded", probe: { passed: true } });
  expect(bench.peer.artifactBytesSent).toBe(sentBefore);
});

test("a download that breaks again and again is taken up where it stopped", async () => {
  const build = await bench.publish("large");
  let cuts = 0;
  bench.peer.interfere = (_method, path) => {
    if (!path.endsWith(build.modelSha256) || cuts >= 6) return "pass";
    cuts += 1;
    return { cutAfter: 60_000 };
  };
  await bench.start();
  const device = await bench.device();
  device.target = targetFor(build, 1);
  const report = await ended(device, 1);
  expect(report.deployment?.phase).toBe("succeeded");
  expect(cuts).toBe(6);
  expect(bench.peer.rangesAsked).toHaveLength(6);
  expect(bench.peer.rangesAsked.every((range) => range.endsWith(`"${build.modelSha256}"`))).toBe(true);
  const wholeBytes = demoModel("large").length + (await demoGolden("large")).length + build.manifest.sizeBytes;
  expect(bench.peer.artifactBytesSent).toBe(wholeBytes);
  const progress = device.syncs.flatMap((sync) => (sync.report.deployment?.phase === "downloading" ? [sync.report.deployment.bytesDone ?? 0] : []));
  expect(progress.every((bytes, i) => bytes >= (progress[i - 1] ?? 0))).toBe(true);
});

test("bytes that are not the promised ones are refused twice and never loaded", async () => {
  const build = await bench.publish("a");
  const wrong = demoModel("a").slice();
  wrong[2_000] = (wrong[2_000] ?? 0) ^ 1;
  bench.peer.interfere = (_method, path) => (path.endsWith(build.modelSha256) ? { body: wrong } : "pass");
  await bench.start();
  const device = await bench.device();
  device.target = targetFor(build, 1);
  const report = await ended(device, 1);
  expect(report.deployment?.failure).toMatchObject({ code: "digest_mismatch", recovery: "no_state_change" });
  expect(report.running).toBeNull();
  expect(bench.peer.requests.filter((line) => line.endsWith(build.modelSha256))).toHaveLength(2);
  expect(await readdir(join(bench.dataDir, "blobs"))).not.toContain(build.modelSha256);
});

test("bytes damaged on the way once are fetched again, and the install succeeds", async () => {
  const build = await bench.publish("a");
  const wrong = demoModel("a").map((byte) => byte ^ 0xff);
  let spoiled = false;
  bench.peer.interfere = (_method, path) => {
    if (!path.endsWith(build.modelSha256) || spoiled) return "pass";
    spoiled = true;
    return { body: wrong };
  };
  await bench.start();
  const device = await bench.device();
  device.target = targetFor(build, 1);
  expect((await ended(device, 1)).deployment).toMatchObject({ phase: "succeeded", attempt: 1 });
});

test("a server that sends more than promised is cut off and refused", async () => {
  const build = await bench.publish("a");
  bench.peer.interfere = (_method, path) => (path.endsWith(build.modelSha256) ? { body: Buffer.concat([demoModel("a"), Buffer.alloc(5_000_000)]) } : "pass");
  await bench.start();
  const device = await bench.device();
  device.target = targetFor(build, 1, { maxAttempts: 1 });
  expect((await ended(device, 1)).deployment?.failure).toMatchObject({ code: "download", recovery: "no_state_change" });
  expect(await readdir(join(bench.dataDir, "blobs"))).not.toContain(build.modelSha256);
});

test("nor does a server that does not say how much it sends get more onto the disk than was promised", async () => {
  const build = await bench.publish("a");
  bench.peer.interfere = (_method, path) => (path.endsWith(build.modelSha256) ? { body: Buffer.concat([demoModel("a"), Buffer.alloc(3_000_000)]), chunked: true } : "pass");
  let largest = 0;
  const steps = {
    ...nodeFsSteps,
    openAppend: async (path: string) => {
      const file = await nodeFsSteps.openAppend(path);
      let written = 0;
      return {
        ...file,
        async write(bytes: Uint8Array) {
          written += bytes.length;
          largest = Math.max(largest, written);
          await file.write(bytes);
        },
      };
    },
  };
  await bench.start({ ports: { disk: createDisk(bench.dataDir, steps) } });
  const device = await bench.device();
  device.target = targetFor(build, 1, { maxAttempts: 1 });
  // The promised bytes themselves were right, so the install may succeed; what matters is that nothing more was written.
  await ended(device, 1);
  expect(largest).toBe(demoModel("a").length);
});

test("a disk with too little room is said before anything is fetched", async () => {
  const build = await bench.publish("a");
  await bench.start({ ports: { disk: createDisk(bench.dataDir, { ...nodeFsSteps, freeBytes: async () => 1_000_000 }) } });
  const device = await bench.device();
  device.target = targetFor(build, 1, { maxAttempts: 1 });
  const { deployment } = await ended(device, 1);
  expect(deployment?.failure).toMatchObject({ code: "disk_full", recovery: "no_state_change" });
  expect(bench.peer.artifactBytesSent).toBe(0);
});

test("a model whose golden set does not come out right never becomes active; the previous one goes on running", async () => {
  await bench.start();
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await ended(device, 1);
  device.target = targetFor(await bench.publish("b", { golden: await demoGolden("a") }), 2);
  const report = await ended(device, 2);
  expect(report.deployment?.failure).toMatchObject({ code: "probe_failed", recovery: "no_state_change" });
  expect(report.running?.buildId).toBe("build-a");
  expect(report.slots.map((slot) => slot.state)).toEqual(["active", "bad"]);
  for (const sync of device.syncs) expect(sync.report.running?.buildId).not.toBe("build-b");
});

test("a file that ONNX Runtime cannot load is reported as such, in one attempt", async () => {
  await bench.start();
  const device = await bench.device();
  device.target = targetFor(await bench.publish("b", { model: demoModel("a").slice(0, 20_000) }), 1);
  const report = await ended(device, 1);
  expect(report.deployment).toMatchObject({ attempt: 1, phase: "failed", failure: { code: "load_failed" } });
  expect(report.deployment?.failure?.detail).toContain("ONNX Runtime");
});

/** The real models, except that the inferences of one build fail once it runs. */
function failingOnProbation(models: ModelPort, buildName: string): ModelPort {
  return {
    ...models,
    open: async (files, input) => {
      const live = await models.open(files, input);
      return files.content.buildName === buildName ? { ...live, step: () => Promise.reject(new ModelFailure("run", "out of luck")) } : live;
    },
  };
}

test("a model that fails on probation is left: the previous one runs again and the report names what happened", async () => {
  await bench.start({ ports: { models: failingOnProbation(bench.models, "b") } });
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await ended(device, 1);
  device.target = targetFor(await bench.publish("b"), 2);
  const report = await ended(device, 2);
  expect(report.deployment?.failure).toMatchObject({ code: "probation_failed", recovery: "rollback_complete" });
  expect(report.deployment?.failure?.detail).toContain("out of luck");
  expect(report.running?.buildId).toBe("build-a");
  expect(report.slots.map((slot) => slot.state)).toEqual(["active", "bad"]);
});

test("an outage in the middle of a download costs no attempt, however many tries it takes", async () => {
  const build = await bench.publish("a");
  let tries = 0;
  bench.peer.interfere = (_method, path) => {
    if (!path.endsWith(build.modelSha256) || tries >= 8) return "pass";
    tries += 1;
    return tries % 2 === 0 ? "refuse" : { status: 429, code: "rate_limited", retryAfter: 0 };
  };
  await bench.start({ ports: { random: { uniform: () => 0.01, hex: (bytes) => systemRandom.hex(bytes) } } });
  const device = await bench.device();
  device.target = targetFor(build, 1);
  expect((await ended(device, 1)).deployment).toMatchObject({ phase: "succeeded", attempt: 1 });
  expect(tries).toBe(8);
});

test("an artifact that the server does not have fails the install as a download", async () => {
  const build = await bench.publish("a");
  bench.peer.artifacts.delete(build.modelSha256);
  await bench.start();
  const device = await bench.device();
  device.target = targetFor(build, 1, { maxAttempts: 1 });
  expect((await ended(device, 1)).deployment?.failure?.code).toBe("download");
});

test("an agent that is stopped in the middle of a download goes on with the part it has", async () => {
  const build = await bench.publish("large");
  bench.peer.interfere = (_method, path) => (path.endsWith(build.modelSha256) ? { cutAfter: 200_000 } : "pass");
  const first = await bench.start();
  const device = await bench.device();
  device.target = targetFor(build, 1);
  const part = join(bench.dataDir, `blobs/${build.modelSha256}.part`);
  await bench.peer.until("part of the model is on the disk", () => (statSync(part, { throwIfNoEntry: false })?.size ?? 0) >= 200_000);
  expect(first.state().deployment?.phase).toBe("downloading");
  await bench.stopAll();
  bench.peer.interfere = () => "pass";
  bench.peer.artifactBytesSent = 0;
  await bench.start();
  expect((await ended(device, 1)).deployment).toMatchObject({ phase: "succeeded", attempt: 1 });
  expect(bench.peer.artifactBytesSent).toBeLessThan(demoModel("large").length + (await demoGolden("large")).length - 100_000);
});

test("an agent restarted after an install runs the model again without asking for it, server or no server", async () => {
  await bench.start();
  const device = await bench.device();
  const build = await bench.publish("a");
  device.target = targetFor(build, 1);
  await ended(device, 1);
  await bench.stopAll();
  bench.peer.interfere = () => "refuse";
  const again = await bench.start();
  await bench.peer.until("the model runs", () => (again.status().model?.inferences ?? 0) > 0);
  bench.peer.interfere = () => "pass";
  const syncs = device.syncs.length;
  await bench.peer.until("it reports", () => device.syncs.length > syncs && latest(device)?.running);
  expect(latest(device)?.running?.modelSha256).toBe(build.modelSha256);
  expect(bench.peer.requests.filter((line) => line.endsWith(build.modelSha256))).toHaveLength(1);
});

test("model bytes that went bad on the disk are not loaded but fetched again", async () => {
  await bench.start();
  const device = await bench.device();
  const build = await bench.publish("a");
  device.target = targetFor(build, 1);
  await ended(device, 1);
  await bench.stopAll();
  const path = join(bench.dataDir, "slots/a/files/model.onnx");
  const bytes = await readFile(path);
  bytes[3_000] = (bytes[3_000] ?? 0) ^ 1;
  await writeFile(path, bytes);
  const syncs = device.syncs.length;
  await bench.start();
  await bench.peer.until("the right bytes run", () => device.syncs.length > syncs && latest(device)?.running?.modelSha256 === build.modelSha256 && latest(device)?.deployment?.phase === "succeeded");
  expect(createHash("sha256").update(await readFile(path)).digest("hex")).toBe(build.modelSha256);
  expect(bench.peer.requests.filter((line) => line.endsWith(build.modelSha256))).toHaveLength(2);
});

test("a full disk fails the attempt cleanly, the running model stays, and the next attempt succeeds once there is room", async () => {
  let full = false;
  const room = (): void => {
    if (full) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  };
  const steps = {
    ...nodeFsSteps,
    openAppend: async (path: string) => {
      room();
      return await nodeFsSteps.openAppend(path);
    },
    freeBytes: async (path: string) => (full ? 0 : await nodeFsSteps.freeBytes(path)),
  };
  await bench.start({ ports: { disk: createDisk(bench.dataDir, steps) } });
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await ended(device, 1);
  full = true;
  device.target = targetFor(await bench.publish("b"), 2, { maxAttempts: 2 });
  const report = await ended(device, 2);
  expect(report.deployment).toMatchObject({ attempt: 2, phase: "failed", failure: { code: "disk_full", recovery: "no_state_change" } });
  expect(report.running?.buildId).toBe("build-a");
  device.target = targetFor(await bench.publish("b"), 3, { maxAttempts: 1_000 });
  await bench.peer.until("an attempt has failed", () => (latest(device)?.deployment?.attempt ?? 0) > 1 && latest(device)?.targetVersion === 3);
  full = false;
  expect((await ended(device, 3)).running?.buildId).toBe("build-b");
});

test("a cancelled install stops before the switch and leaves the running model alone", async () => {
  await bench.start();
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await ended(device, 1);
  const build = await bench.publish("large");
  bench.peer.interfere = (_method, path) => (path.endsWith(build.modelSha256) ? { cutAfter: 1_000 } : "pass");
  device.target = targetFor(build, 2);
  await bench.peer.until("it is downloading", () => latest(device)?.targetVersion === 2 && (latest(device)?.deployment?.bytesDone ?? 0) > 0);
  device.commands.push({ kind: "cancel", deploymentId: "deployment-2" });
  const report = await ended(device, 2);
  expect(report.deployment?.failure).toMatchObject({ code: "cancelled", recovery: "no_state_change" });
  expect(report.running?.buildId).toBe("build-a");
});

test("a newer target replaces one that is still being downloaded", async () => {
  await bench.start();
  const device = await bench.device();
  const slow = await bench.publish("large");
  bench.peer.interfere = (_method, path) => (path.endsWith(slow.modelSha256) ? { cutAfter: 1_000 } : "pass");
  device.target = targetFor(slow, 1);
  await bench.peer.until("it is downloading", () => (latest(device)?.deployment?.bytesDone ?? 0) > 0);
  device.target = targetFor(await bench.publish("a"), 2);
  expect((await ended(device, 2)).running?.buildId).toBe("build-a");
});

test("a model whose process dies on probation is left for the previous one", async () => {
  const models: ModelPort = {
    ...bench.models,
    open: async (files, input) => {
      const live = await bench.models.open(files, input);
      if (files.content.buildName !== "b") return live;
      const death = Promise.withResolvers<{ guilty: boolean; detail: string }>();
      const step = (): Promise<never> => {
        death.resolve({ guilty: true, detail: "the inference process ended (SIGSEGV)" });
        return Promise.reject(new ModelFailure("crash", "the inference process ended (SIGSEGV)"));
      };
      return { ...live, step, lost: death.promise };
    },
  };
  await bench.start({ ports: { models } });
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await ended(device, 1);
  device.target = targetFor(await bench.publish("b"), 2);
  const report = await ended(device, 2);
  expect(report.deployment?.failure).toMatchObject({ code: "probation_failed", recovery: "rollback_complete" });
  expect(report.deployment?.failure?.detail).toContain("SIGSEGV");
  expect(report.running?.buildId).toBe("build-a");
});

test("a running model whose process dies is loaded again, the death is counted, and the device says in between that it runs none", async () => {
  let kill: () => void = () => undefined;
  let opened = 0;
  const models: ModelPort = {
    ...bench.models,
    open: async (files, input) => {
      const live = await bench.models.open(files, input);
      opened += 1;
      const death = Promise.withResolvers<{ guilty: boolean; detail: string }>();
      kill = () => death.resolve({ guilty: true, detail: "killed" });
      return { ...live, lost: death.promise };
    },
  };
  const agent = await bench.start({ ports: { models, random: { ...systemRandom, uniform: () => 0.5 } } });
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await ended(device, 1);
  kill();
  await bench.peer.until("it says that nothing runs", () => latest(device)?.running === null);
  await bench.peer.until("it runs again", () => latest(device)?.running?.buildId === "build-a");
  expect(opened).toBe(2);
  expect(agent.status().model).toMatchObject({ live: true, crashes: 1 });
  const inferences = agent.status().model?.inferences ?? 0;
  await bench.peer.until("it infers again", () => (agent.status().model?.inferences ?? 0) > inferences);
});

test("a target without a build stops the model and says so", async () => {
  await bench.start();
  const device = await bench.device();
  device.target = targetFor(await bench.publish("a"), 1);
  await ended(device, 1);
  device.target = targetFor(null, 2);
  const report = await ended(device, 2);
  expect(report).toMatchObject({ running: null, deployment: { phase: "succeeded" } });
});

test("an attempt that takes longer than it may is given up as a timeout", async () => {
  const build = await bench.publish("large");
  bench.peer.interfere = (_method, path) => (path.endsWith(build.modelSha256) ? { cutAfter: 100 } : "pass");
  await bench.start();
  const device = await bench.device();
  device.target = targetFor(build, 1, { maxAttempts: 1, attemptTimeoutMs: 500 });
  expect((await ended(device, 1)).deployment?.failure?.code).toBe("timeout");
});

test("a manifest that does not fit the device, or is none, is refused with its reason", async () => {
  await bench.start();
  const device = await bench.device();
  const bad = [
    { code: "incompatible", words: "memory", build: await bench.publish("a", { manifest: (m) => ({ ...m, variants: m.variants.map((v) => ({ ...v, requiredMemoryBytes: 2 ** 40 })) }) }) },
    { code: "incompatible", words: "class bench", build: await bench.publish("a", { manifest: (m) => ({ ...m, variants: m.variants.map((v) => ({ ...v, classes: ["pi4"] })) }) }) },
    { code: "manifest_invalid", words: "schema", build: await bench.publish("a", { manifest: (m) => ({ ...m, schema: "other" as never }) }) },
    { code: "manifest_invalid", words: "build-z", build: await bench.publish("a", { manifest: (m) => ({ ...m, buildId: "build-z" }) }) },
    { code: "manifest_invalid", words: "same name", build: await bench.publish("a", { manifest: (m) => ({ ...m, variants: m.variants.map((v) => ({ ...v, files: [...v.files, ...v.files.map((f) => ({ ...f, role: "external_data" as const, name: "MODEL.onnx" }))] })) }) }) },
  ];
  for (const [at, { code, words, build }] of bad.entries()) {
    device.target = targetFor(build, at + 1);
    const { deployment } = await ended(device, at + 1);
    expect(deployment?.failure?.code, words).toBe(code);
    expect(deployment?.failure?.detail).toContain(words);
  }
});

test("what no slot needs any more is removed from the disk", async () => {
  await bench.start();
  const device = await bench.device();
  const [a, b, large] = [await bench.publish("a"), await bench.publish("b"), await bench.publish("large")];
  for (const [at, build] of [a, b, large].entries()) {
    device.target = targetFor(build, at + 1);
    await ended(device, at + 1);
  }
  await bench.peer.until("a sync after the last install", () => latest(device)?.running?.buildId === "build-large");
  const kept = (): Promise<string[]> => readdir(join(bench.dataDir, "blobs"));
  // The agent says what it runs before it cleans up.
  await expect.poll(kept, { timeout: 30_000 }).not.toContain(a.modelSha256);
  const digests = await kept();
  expect(digests).toContain(b.modelSha256);
  expect(digests).toContain(large.modelSha256);
});
