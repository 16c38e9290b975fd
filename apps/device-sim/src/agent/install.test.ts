import { demoConvNet } from "@flotilla/runtime";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { agentOn, temporaryFolder, type AgentChanges } from "../testing/agent-on-peer.ts";
import { goldenOf, publishBuild, targetFor } from "../testing/build-on-peer.ts";
import { GatewayPeer, type PeerDevice } from "../testing/gateway-peer.ts";
import type { Agent } from "./agent.ts";

const modelA = demoConvNet({ seed: 1 });
const modelB = demoConvNet({ seed: 2 });
let goldenA: Uint8Array;
let goldenB: Uint8Array;
let peer: GatewayPeer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const agents: Agent[] = [];

beforeAll(async () => {
  [goldenA, goldenB] = [await goldenOf(modelA), await goldenOf(modelB)];
});
beforeEach(async () => {
  peer = new GatewayPeer();
  await peer.start();
  folder = await temporaryFolder();
});
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop();
  await peer.stop();
  await folder.remove();
});

async function started(changes: AgentChanges = {}): Promise<Agent> {
  const agent = await agentOn(peer, folder.path, changes);
  agents.push(agent);
  return agent;
}

async function enrolledDevice(): Promise<PeerDevice> {
  await peer.until("the device syncs", () => [...peer.devices.values()][0]?.syncs.length);
  return peer.device("bench-1");
}

const latest = (device: PeerDevice) => device.syncs.at(-1)?.report;

test("an enrolled device installs a real model and reports success only with the running digest and a passed probe", async () => {
  await started();
  const device = await enrolledDevice();
  const build = publishBuild(peer, "a", { model: modelA, golden: goldenA });
  device.target = targetFor(build, 1);
  const report = await peer.until("the deployment succeeds", () => (latest(device)?.deployment?.phase === "succeeded" ? latest(device) : null));
  expect(report.running).toMatchObject({ buildId: "build-a", modelSha256: build.modelSha256, manifestSha256: build.manifest.sha256, versionId: build.versionId });
  expect(report.deployment?.probe).toMatchObject({ passed: true });
  expect(report.targetVersion).toBe(1);
  expect(report.slots.map((slot) => slot.state).toSorted()).toEqual(["active", "empty"]);
});
