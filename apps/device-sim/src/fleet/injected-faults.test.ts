import { expect, test } from "vitest";
import { crashRate, crashesOnLoad, extraLossPercent, faultsAt, faultsSchema, noNetwork, slowFactor } from "./faults.ts";
import { withInjected } from "./injected-faults.ts";

const pi = { name: "sim-pi4-01", className: "pi4", luck: 0.3 };
const jetson = { name: "sim-jetson-01", className: "jetson", luck: 0.7 };
const build = { buildId: "b", buildName: "digits", versionId: "v" };

test("what is injected comes on top of the scenario's own faults, and nothing injected leaves them as they are", () => {
  const own = faultsSchema.parse({ slow: { classes: ["pi4"], factor: 2 } });
  expect(slowFactor(withInjected(own, {}), pi)).toBe(2);
  const both = withInjected(own, { slowFactor: 3, lossPercent: 20, crashEverySeconds: 60, badClass: "jetson" });
  expect([slowFactor(both, pi), slowFactor(both, jetson)]).toEqual([6, 3]);
  expect([extraLossPercent(both, pi), crashRate(both, pi)?.meanMs]).toEqual([20, 60_000]);
  expect([crashesOnLoad(both, pi, build), crashesOnLoad(both, jetson, build)]).toEqual([false, true]);
});

test("an outage is everybody's, silence that of the unlucky share only", () => {
  expect(noNetwork(withInjected({}, { outage: true }), jetson)).toBe("outage");
  const silent = withInjected({}, { silentPercent: 50 });
  expect([noNetwork(silent, pi), noNetwork(silent, jetson)]).toEqual(["silent", null]);
});

test("a fault with a time is there then, and again when it repeats", () => {
  const faults = faultsSchema.parse({ outage: { afterMs: 1_000, durationMs: 500, everyMs: 2_000 }, slow: { factor: 2 } });
  const states = [0, 999, 1_000, 1_499, 1_500, 3_000, 3_500].map((at) => noNetwork(faultsAt(faults, at), pi));
  expect(states).toEqual([null, null, "outage", "outage", null, "outage", null]);
  expect(slowFactor(faultsAt(faults, 0), pi)).toBe(2);
});
