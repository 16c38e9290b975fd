import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { deviceClassSchema, deviceNameSchema, labelsSchema } from "@flotilla/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crashesOnLoad, faultsSchema, isDiskFull, slowFactor } from "./faults.ts";
import { apportion, deviceClassOf, planDevices, readScenario, scenarioSchema } from "./scenario.ts";

const shipped = join(import.meta.dirname, "../../scenarios");

test("every shipped scenario is valid, and the demo has 24 devices of four classes", async () => {
  for (const file of await readdir(shipped)) await readScenario(join(shipped, file));
  const demo = await readScenario(join(shipped, "demo.json"));
  const plans = planDevices(demo);
  expect(plans).toHaveLength(24);
  expect(new Set(plans.map((plan) => plan.class.name)).size).toBe(4);
  expect(demo.faults).toEqual({});
});

test("names are unique, and names, labels and classes are what the protocol takes, for any number of devices", async () => {
  const demo = await readScenario(join(shipped, "demo.json"));
  for (const count of [1, 4, 24, 1_000]) {
    const plans = planDevices(demo, count);
    expect(plans).toHaveLength(count);
    expect(new Set(plans.map((plan) => plan.name)).size).toBe(count);
    for (const plan of plans) {
      deviceNameSchema.parse(plan.name);
      labelsSchema.parse(plan.labels);
      expect(deviceClassSchema.parse(deviceClassOf(plan.class, "1.30.0")).simulated).toBe(true);
    }
  }
});

test("the same seed gives the same fleet, another seed another behaviour", async () => {
  const demo = await readScenario(join(shipped, "demo.json"));
  expect(planDevices(demo)).toEqual(planDevices(demo));
  expect(planDevices({ ...demo, seed: 8 }).map((plan) => plan.seed)).not.toEqual(planDevices(demo).map((plan) => plan.seed));
});

test("shares are met as closely as whole devices allow, and always add up", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 5_000 }), (shares, total) => {
      const counts = apportion(shares, total);
      const sum = shares.reduce((a, b) => a + b, 0);
      expect(counts.reduce((a, b) => a + b, 0)).toBe(total);
      counts.forEach((n, i) => expect(Math.abs(n - ((shares[i] ?? 0) / sum) * total)).toBeLessThan(1 + 1e-9));
    }),
  );
});

test("a scenario with mistakes is refused with all of them", () => {
  const parsed = scenarioSchema.safeParse({ devices: 0, classes: [{ name: "x", arch: "a", speedFactor: 0, memoryBytes: 1, share: 1 }], netwrok: {} });
  const paths = parsed.error?.issues.map((issue) => issue.path.join("."));
  expect(paths).toEqual(expect.arrayContaining(["devices", "classes.0.speedFactor", ""]));
});

const pi = { name: "sim-pi4-01", className: "pi4" };
const jetson = { name: "sim-jetson-01", className: "jetson" };
const build = { buildId: "b1", buildName: "digits 2", versionId: "v1" };

test("a fault hits the named classes and devices, and without names all", () => {
  const faults = faultsSchema.parse({ diskFull: { classes: ["pi4"] }, slow: [{ devices: ["sim-pi4-01"], factor: 3 }, { factor: 2 }] });
  expect([isDiskFull(faults, pi), isDiskFull(faults, jetson)]).toEqual([true, false]);
  expect([slowFactor(faults, pi), slowFactor(faults, jetson)]).toEqual([6, 2]);
  expect([isDiskFull(faultsSchema.parse({}), pi), slowFactor(faultsSchema.parse({}), pi)]).toEqual([false, 1]);
});

test("a crash on load can be for one build by name, build or version, or for every build", () => {
  const crash = (fault: object): boolean => crashesOnLoad(faultsSchema.parse({ crashOnLoad: fault }), pi, build);
  expect([crash({ classes: ["pi4"], versionId: "v1" }), crash({ classes: ["pi4"], versionId: "v2" }), crash({ classes: ["jetson"], versionId: "v1" })]).toEqual([true, false, false]);
  expect([crash({ buildName: "digits 2" }), crash({ buildName: "digits" }), crash({ buildId: "b1" }), crash({ always: true }), crash({})]).toEqual([true, false, true, true, true]);
});
