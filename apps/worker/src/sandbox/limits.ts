import { totalmem } from "node:os";
import type { SandboxLimits } from "@flotilla/runtime";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** What a hostile file of any size may take: a 73-byte model was seen to take 604 MB, a sound small one takes 150 MB with Node. */
const MEMORY_BASE_BYTES = 2 * GIB;
/** ONNX Runtime holds the file, the tensors made of it and the kernels' own packed copies at the same time. */
const MEMORY_PER_MODEL_BYTE = 3;
/** Never so much that the machine itself runs out. */
const MEMORY_SHARE = 0.8;

/** Opening and one run take some 5 s of CPU; the rest is room for slow machines. Time for measuring comes on top. */
const CPU_BASE_SECONDS = 60;
const WALL_BASE_MS = 120_000;
/** Loading weights: 20 MiB a second is a tenth of what a small cloud machine does. */
const BYTES_PER_SECOND = 20 * MIB;

/** A report on 50,000 nodes is cut to its 2,000 slowest (probe.ts), and a golden set has at most 16 MiB. */
const OUTPUT_BYTES = 24 * MIB;

/** Limits of a child that opens a model whose files have `modelBytes` together. `extraSeconds` is time it is meant to spend running. */
export function limitsFor(modelBytes: number, extraSeconds = 0): SandboxLimits {
  const loadSeconds = modelBytes / BYTES_PER_SECOND + extraSeconds;
  return {
    memoryBytes: Math.floor(Math.min(MEMORY_BASE_BYTES + MEMORY_PER_MODEL_BYTE * modelBytes, totalmem() * MEMORY_SHARE)),
    cpuSeconds: Math.ceil(CPU_BASE_SECONDS + loadSeconds),
    wallMs: Math.ceil(WALL_BASE_MS + loadSeconds * 1000),
    outputBytes: OUTPUT_BYTES,
  };
}

/** Reading a dataset decodes at least so many of its bytes a second of CPU time: small JPEG files are the slowest. */
const DATASET_BYTES_PER_SECOND = MIB / 2;
const DATASET_CPU_BASE_SECONDS = 300;
/** Compressed arrays grow when they are written out. */
const DATASET_GROWTH = 40;
const DATASET_FILE_MAX_BYTES = 32 * GIB;

/** Limits of a child that reads an uploaded dataset of so many bytes. Its memory does not grow with them. */
export function datasetLimitsFor(uploadedBytes: number): SandboxLimits {
  const cpuSeconds = Math.ceil(DATASET_CPU_BASE_SECONDS + uploadedBytes / DATASET_BYTES_PER_SECOND);
  return {
    memoryBytes: Math.floor(Math.min(MEMORY_BASE_BYTES, totalmem() * MEMORY_SHARE)),
    cpuSeconds,
    wallMs: 2_000 * cpuSeconds,
    fileBytes: Math.min(DATASET_FILE_MAX_BYTES, GIB + DATASET_GROWTH * uploadedBytes),
    outputBytes: OUTPUT_BYTES,
  };
}
