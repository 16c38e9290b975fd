import { demoConvNet } from "@flotilla/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fleetOf24 } from "./fleet-of-24.ts";
import { Operator } from "./operator.ts";
import { startPlatform, startSimulator, until, type Platform, type Simulator } from "./platform.ts";

let platform: Platform;
let simulator: Simulator;
let operator: Operator;

beforeAll(async () => {
  platform = await startPlatform();
  operator = new Operator(platform);
  const { token } = await operator.call<{ token: string }>("POST", "/enrollment-tokens", { maxUses: 24, expiresInSeconds: 3600 });
  simulator = startSimulator(platform, token, fleetOf24);
});

afterAll(async () => {
  await simulator?.stop();
  await platform?.stop();
});

test("a build that cannot be loaded on one device class halts in its first wave, touches no further device, and leaves the previous model running", async () => {
  const good = await operator.importModel("digit-reader", "good.onnx", demoConvNet({ seed: 1 }));
  const better = await operator.importModel("digit-reader", "better.onnx", demoConvNet({ seed: 2 }));
  const first = await operator.build("digit-reader good", good.id);
  const second = await operator.build("digit-reader better", better.id);
  await until("24 devices report", async () => (await operator.devices()).filter((d) => d.presence === "reporting").length === 24);
  const fleet = await operator.call<{ id: string }>("POST", "/fleets", { name: "everything", query: "" });
  await operator.rolloutReaches(await operator.startRollout(first, fleet.id, [{ percent: 100, soakSeconds: 0 }]), "completed");

  simulator.setFaults({ crashOnLoad: { classes: ["jetson-nano"], versionId: better.id } });
  const rolloutId = await operator.startRollout(second, fleet.id, [{ percent: 25, soakSeconds: 1 }, { percent: 100, soakSeconds: 1 }]);
  const halted = await operator.rolloutReaches(rolloutId, "halted");
  expect(halted.waves.map((w) => w.state)[1]).toBe("pending");
  expect(halted.cause?.sentence).toMatch(/fail/i);

  // Let the devices that had begun come to their end, then look at every one of them.
  const settled = await until("no device of the halted rollout is under way", async () => {
    const all = await operator.deployments(rolloutId);
    return all.some((d) => ["offered", "downloading", "installing", "verifying"].includes(d.state)) ? null : all;
  });
  const devices = new Map((await operator.devices()).map((d) => [d.id, d]));
  const firstWave = settled.filter((d) => d.wave === 0 || d.state === "succeeded" || d.failureCode !== null);
  expect(firstWave.filter((d) => d.className === "jetson-nano" && d.failureCode !== null).length).toBeGreaterThan(0);
  for (const deployment of settled) {
    const device = devices.get(deployment.deviceId);
    if (deployment.state === "succeeded") {
      expect(deployment.className).not.toBe("jetson-nano");
      expect(device?.actualBuild?.id, deployment.deviceName).toBe(second);
    } else {
      expect(device?.actualBuild?.id, `${deployment.deviceName} is ${deployment.state}`).toBe(first);
    }
    if (deployment.state === "queued") expect(device?.wantedBuild?.id, `${deployment.deviceName} was never offered the build`).toBe(first);
  }
  expect(settled.filter((d) => d.state === "queued").length).toBeGreaterThanOrEqual(16);
});
