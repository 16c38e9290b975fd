import { expect, test } from "vitest";
import type { LiveModel, ModelFiles, ModelPort } from "../agent/model.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { faultsSchema, type Faults } from "./faults.ts";
import { simulatedModels } from "./simulated-models.ts";

const files: ModelFiles = {
  modelPath: "/m", goldenPath: "/g",
  content: {
    buildId: "b1", buildName: "digits 2", manifestSha256: "0".repeat(64), versionId: "v1", modelName: "m", modelFile: "m", modelSha256: "0".repeat(64), files: [],
    goldenSha256: "0".repeat(64), relativeTolerance: 1, absoluteTolerance: 1, requiredMemoryBytes: 0, intraOpThreads: 1, executionProviders: ["cpu"],
  },
};

/** A machine on which every inference takes 2 ms. */
const live: LiveModel = {
  inputs: [], outputs: [], loadMs: 10,
  step: () => Promise.resolve({ latencyMs: 2 }),
  infer: () => Promise.resolve({ latencyMs: 2, outputs: {} }),
  lost: new Promise(() => undefined),
  close: () => Promise.resolve(),
};
const machine: ModelPort = {
  facts: () => Promise.reject(new Error("not asked")),
  probe: () => Promise.resolve({ kind: "passed", loadMs: 10, maxAbsError: 0 }),
  open: () => Promise.resolve(live),
  rssBytes: () => Promise.resolve(0),
  close: () => Promise.resolve(),
};

function deviceWith(faults: object, clock = new ManualClock()): { models: ModelPort; clock: ManualClock; set: (faults: object) => void } {
  let current: Faults = faultsSchema.parse(faults);
  const models = simulatedModels(machine, { victim: { name: "sim-pi4-01", className: "pi4" }, speedFactor: 4, faults: () => current, clock });
  return { models, clock, set: (next) => (current = faultsSchema.parse(next)) };
}

const limits = { wallMs: 1_000, signal: new AbortController().signal };

test("latency is what was measured times the speed factor, and the device is busy for as long", async () => {
  const { models, clock } = deviceWith({});
  const model = await models.open(files, { kind: "synthetic", seed: 1 });
  expect(model.loadMs).toBe(40);
  let done = false;
  const step = model.step().then((result) => {
    done = true;
    return result;
  });
  await Promise.resolve();
  await Promise.resolve();
  expect(done).toBe(false);
  clock.advance(6);
  expect(await step).toEqual({ latencyMs: 8 });
});

test("a slow device is slower by its factor, from the moment the fault is set", async () => {
  const { models, clock, set } = deviceWith({});
  const model = await models.open(files, { kind: "synthetic", seed: 1 });
  set({ slow: { devices: ["sim-pi4-01"], factor: 3 } });
  const inferred = model.infer({});
  await Promise.resolve();
  await Promise.resolve();
  clock.advance(22);
  expect((await inferred).latencyMs).toBe(24);
});

test("a crash on load is met by the probe and by loading, for the named build only", async () => {
  const { models, set } = deviceWith({ crashOnLoad: { classes: ["pi4"], buildName: "digits 2" } });
  expect(await models.probe(files, limits)).toMatchObject({ kind: "refused", code: "load_failed" });
  await expect(models.open(files, { kind: "synthetic", seed: 1 })).rejects.toMatchObject({ kind: "crash" });
  set({ crashOnLoad: { classes: ["pi4"], buildName: "digits 3" } });
  expect(await models.probe(files, limits)).toMatchObject({ kind: "passed", loadMs: 40 });
});
