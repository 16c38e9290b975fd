import type { BuildManifest } from "@flotilla/protocol";
import { demoConvNet } from "@flotilla/runtime";
import { afterAll, afterEach, beforeEach, vi } from "vitest";
import type { Agent } from "../agent/agent.ts";
import type { ModelPort } from "../agent/model.ts";
import { createLocalModels } from "../agent/local-models.ts";
import { agentOn, temporaryFolder, type AgentChanges } from "./agent-on-peer.ts";
import { goldenOf, publishBuild, type PeerBuild } from "./build-on-peer.ts";
import { GatewayPeer, type PeerDevice } from "./gateway-peer.ts";

/** A peer and a data folder for each test of a file, and agents that are stopped after it. */
export type Bench = {
  readonly peer: GatewayPeer;
  readonly dataDir: string;
  /** All agents of a file share its inference process unless the changes bring another. */
  readonly models: ModelPort;
  start(changes?: AgentChanges): Promise<Agent>;
  /** Stops the agents started so far, as a restart of the machine does. */
  stopAll(): Promise<void>;
  /** The one device, once it has synced. */
  device(): Promise<PeerDevice>;
  /** Publishes a build of a real model; `spoil` changes its parts or manifest. */
  publish(name: "a" | "b" | "large", spoil?: { model?: Uint8Array; golden?: Uint8Array; manifest?: (m: BuildManifest) => BuildManifest }): Promise<PeerBuild>;
};

const MODELS = { a: demoConvNet({ seed: 1 }), b: demoConvNet({ seed: 2 }), large: demoConvNet({ seed: 3, channels: 64 }) } as const;
const goldens = new Map<string, Promise<Uint8Array>>();

/** The demo models by name: "a" and "b" of about 36 KB, "large" of about 0.5 MB. */
export function demoModel(name: keyof typeof MODELS): Uint8Array {
  return MODELS[name];
}

export function demoGolden(name: keyof typeof MODELS): Promise<Uint8Array> {
  const known = goldens.get(name) ?? goldenOf(MODELS[name]);
  goldens.set(name, known);
  return known;
}

/** Call once at the top of a test file. */
export function benchForEachTest(): Bench {
  // Each install starts a process that loads ONNX Runtime; on a machine that is busy with other suites that takes many times longer.
  vi.setConfig({ testTimeout: 120_000, hookTimeout: 30_000 });
  let peer = new GatewayPeer();
  let folder: Awaited<ReturnType<typeof temporaryFolder>> | null = null;
  const agents: Agent[] = [];
  // One inference process for the whole file: starting one takes half a second.
  const models = createLocalModels({ concurrentProbes: 2 });
  afterAll(() => models.close());
  beforeEach(async () => {
    peer = new GatewayPeer();
    await peer.start();
    folder = await temporaryFolder();
  });
  const stopAll = async (): Promise<void> => {
    for (const agent of agents.splice(0)) await agent.stop();
  };
  afterEach(async () => {
    await stopAll();
    await peer.stop();
    await folder?.remove();
  });
  return {
    models,
    get peer() {
      return peer;
    },
    get dataDir() {
      return folder?.path ?? "";
    },
    async start(changes = {}) {
      const agent = await agentOn(peer, folder?.path ?? "", models, changes);
      agents.push(agent);
      return agent;
    },
    stopAll,
    async device() {
      await peer.until("the device syncs", () => [...peer.devices.values()][0]?.syncs.length);
      return peer.device("bench-1");
    },
    async publish(name, spoil = {}) {
      return publishBuild(peer, name, { model: spoil.model ?? MODELS[name], golden: spoil.golden ?? (await demoGolden(name)) }, spoil.manifest);
    },
  };
}
