import type { TensorSpec } from "@flotilla/protocol";

export type ModelView = {
  id: string; name: string; description: string; createdAt: string; createdByName: string;
  versionCount: number;
  newest: { id: string; number: number; state: VersionStateName } | null;
  aliases: { alias: string; versionId: string; number: number }[];
  /** Devices that attest to run a version of it. */
  runningDevices: number;
};

export type VersionStateName = "validating" | "ready" | "rejected";

/** What the import job found. Times in ms, measured in a sandbox child on the worker's machine, single thread, synthetic input. */
export type VersionInspection = {
  irVersion: number;
  producer: string;
  opsets: { domain: string; version: number }[];
  inputs: TensorSpec[];
  outputs: TensorSpec[];
  operators: { domain: string; opType: string; count: number }[];
  nodeCount: number;
  parameterCount: number;
  /** Multiply-accumulate operations of one run; null when a shape is not known. */
  macs: number | null;
  initializerBytes: number;
  peakMemoryBytes: number;
  loadMs: number;
  firstRunMs: number;
  latencyMs: { p50: number; p90: number; p95: number; p99: number; min: number; max: number; mean: number; n: number; method: string };
  layers: { name: string; opType: string; provider: string; medianUs: number; sharePercent: number; outputShape: number[] | null; parameterBytes: number | null }[];
  measuredOn: { cpu: string; arch: string; isa: string[]; ortVersion: string; threads: number };
};

export type VersionView = {
  id: string; modelId: string; modelName: string; number: number; state: VersionStateName;
  rejectCode: string | null; rejectReason: string | null;
  source: string; parentId: string | null; importJobId: string | null;
  sizeBytes: number; notes: string; createdAt: string; createdByName: string; decidedAt: string | null;
  files: { name: string; role: "model" | "external_data"; sha256: string; sizeBytes: number }[];
  aliases: string[];
  inspection: VersionInspection | null;
};

/** Where a version runs. */
export type VersionUse = {
  builds: { id: string; name: string }[];
  devicesByClass: { className: string; devices: number }[];
  runningDevices: number;
};
