import type { AgentSettings } from "../agent/agent.ts";

/** The name of a crew's agent, and of its folder. */
export function crewName(index: number): string {
  return `agent-${index}`;
}

/** Waits far shorter than on a device: a whole install takes a few tenths of a second, so that every kill falls into one. */
export const CREW_SETTINGS: Omit<AgentSettings, "server" | "name"> = {
  labels: {},
  deviceClass: { name: "crew", arch: "x64", isa: ["avx2"], runtime: { name: "onnxruntime-node", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 2 ** 32, simulated: false },
  enrollmentToken: "enroll-me",
  input: { kind: "synthetic", seed: 1 },
  inferenceIntervalMs: 10,
  inferPort: null,
  windowMs: 100,
  ledgerCapBytes: 2 ** 20,
  probation: { inferences: 3, ms: 5_000 },
  retryBackoff: { baseMs: 10, capMs: 50 },
  resources: null,
};
