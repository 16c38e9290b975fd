import type { TensorSpec } from "@flotilla/protocol";
import type { Preprocessing } from "./preprocessing.ts";

export type ModelView = {
  id: string; name: string; description: string; createdAt: string; createdByName: string;
  versionCount: number;
  newest: { id: string; number: number; state: VersionStateName } | null;
  aliases: { alias: string; versionId: string; number: number }[];
  /** Devices that attest to run a version of it. */
  runningDevices: number;
};

export type VersionStateName = "validating" | "ready" | "rejected";

/** What an uploaded model was before it was converted to ONNX. */
export type VersionOrigin = {
  /** ".h5" or ".keras". */
  format: string;
  /** What wrote it, e.g. "Keras 2.4.0 (tensorflow)". */
  producer: string;
  fileName: string; sha256: string; sizeBytes: number;
  /** Whether the model brings its inputs into a range by itself. */
  normalizesInput: boolean;
  /** Sentences about what the conversion left out. */
  notes: string[];
};

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
  /** Only of a model that was uploaded in another format. */
  origin?: VersionOrigin | undefined;
};

export type VersionView = {
  id: string; modelId: string; modelName: string; number: number; state: VersionStateName;
  rejectCode: string | null; rejectReason: string | null;
  source: string; parentId: string | null; importJobId: string | null;
  sizeBytes: number; notes: string; createdAt: string; createdByName: string; decidedAt: string | null;
  files: { name: string; role: "model" | "external_data"; sha256: string; sizeBytes: number }[];
  aliases: string[];
  inspection: VersionInspection | null;
  /** The optimization that made it, what it was made by and what it is called; null for what people brought. */
  optimizationId: string | null; trainingId: string | null; variantKind: string | null; variantLabel: string | null; recipeSha256: string | null;
  /** False: kept for its numbers, not to be built, for this reason. */
  offered: boolean; notOfferedReason: string | null;
  preprocessing: Preprocessing | null;
};

/**
 * A version's graph without its weights, in an order in which each node comes after what it reads. Edges are indices into `nodes`.
 * At most 5,000 nodes; `omittedNodes` says how many are left out of a larger one.
 */
export type GraphSummary = {
  inputs: { name: string; elementType: string; shape: (number | string)[] | null }[];
  outputs: { name: string; elementType: string; shape: (number | string)[] | null }[];
  nodes: GraphNode[];
  /** From, to, and the name and shape of the value that flows. -1 stands for the graph's inputs (from) and outputs (to). */
  edges: { from: number; to: number; value: string; shape: (number | string | null)[] | null }[];
  /** Groups of nodes that a page may show as one, nested by "/": names of modules where the exporter kept them, else runs of layers. */
  blocks: { path: string; label: string }[];
  omittedNodes: number;
};

export type GraphNode = {
  name: string; opType: string; domain: string;
  /** Path of the innermost block it is in; "" for none. */
  block: string;
  outputShape: (number | string | null)[] | null;
  parameterCount: number; parameterBytes: number;
  /** A few attributes as text, e.g. { kernel_shape: "3, 3" }. */
  attributes: Record<string, string>;
  /** Of the layer that ONNX Runtime ran it as, where that could be found; several nodes fused into one share it. */
  medianUs: number | null;
  layer: string | null;
};

/** Where a version runs. */
export type VersionUse = {
  builds: { id: string; name: string }[];
  devicesByClass: { className: string; devices: number }[];
  runningDevices: number;
};
