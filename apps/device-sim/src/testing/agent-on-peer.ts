import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeviceClass } from "@flotilla/protocol";
import { pino } from "pino";
import { startAgent, type Agent, type AgentPorts, type AgentSettings } from "../agent/agent.ts";
import { systemClock } from "../agent/clock.ts";
import { createDisk } from "../agent/disk.ts";
import type { ModelPort } from "../agent/model.ts";
import { createNet } from "../agent/net.ts";
import { systemRandom } from "../agent/random.ts";
import type { GatewayPeer } from "./gateway-peer.ts";

export const TEST_CLASS: DeviceClass = {
  name: "bench",
  arch: "x64",
  isa: ["avx2"],
  runtime: { name: "onnxruntime-node", version: "1.30.0" },
  executionProvider: "cpu",
  memoryBytes: 2 ** 32,
  simulated: false,
};

export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "flotilla-agent-test-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Waits far shorter than on a device, so that tests wait for conditions and not for clocks. */
const FAST: Pick<AgentSettings, "inferenceIntervalMs" | "windowMs" | "ledgerCapBytes" | "probation" | "retryBackoff"> = {
  inferenceIntervalMs: 20,
  windowMs: 200,
  ledgerCapBytes: 2 ** 20,
  probation: { inferences: 3, ms: 5_000 },
  retryBackoff: { baseMs: 10, capMs: 50 },
};

export type AgentChanges = { settings?: Partial<AgentSettings>; ports?: Partial<AgentPorts> };

/** A real agent in this process against the peer, on its own data folder. */
export async function agentOn(peer: GatewayPeer, dataDir: string, models: ModelPort, changes: AgentChanges = {}): Promise<Agent> {
  return await startAgent(
    { clock: systemClock, random: systemRandom, disk: createDisk(dataDir), net: createNet(peer.url), log: pino({ level: "silent" }), models, ...changes.ports },
    {
      ...FAST, server: peer.url, name: "bench-1", labels: { site: "lab" }, deviceClass: TEST_CLASS, enrollmentToken: "enroll-me",
      input: { kind: "synthetic", seed: 1 }, inferPort: null, resources: null, ...changes.settings,
    },
  );
}
