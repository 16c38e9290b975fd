import type { DatasetVersionView, FittingTemplate, VersionView } from "@flotilla/fleet";

const none = { train: 0, calibration: 0, validation: 0, test: 0 };

/** A ready dataset version of two classes. */
export const digits: DatasetVersionView = {
  id: "dsv_1", datasetId: "dst_1", datasetName: "digits", number: 1, state: "ready", rejectCode: null, rejectReason: null, options: { format: "auto", seed: 1 }, sizeBytes: 1,
  summary: {
    kind: "image", elementType: "uint8", shape: [28, 28, 1], task: "classification", classes: ["0", "1"], features: null, sampleRateHz: null, counts: { train: 800, calibration: 50, validation: 100, test: 50 },
    classCounts: { train: [400, 400], calibration: [25, 25], validation: [50, 50], test: [25, 25] }, duplicates: { examples: 0, droppedAcrossSplits: 0, conflictingLabels: 0 },
    splitting: { method: "seeded", seed: 1, fractions: none, groupedBy: null }, source: { format: "idx", files: [] }, warnings: [], statistics: null,
  },
  artifactSha256: null, artifactBytes: null, importJobId: null, createdAt: "2026-11-28T12:00:00.000Z", createdByName: "Olga", decidedAt: null, files: [],
};

/** A network of digits in one size. */
export const seedCnn: FittingTemplate = {
  id: "seed-cnn", title: "Seed CNN", description: "", suits: "images", presets: [{ id: "small", title: "Small", parameters: 93_000, macs: 5_000_000 }], input: [1, 28, 28], answers: 2, isClassifier: true,
  preprocessing: { kind: "image", resize: null, centreCrop: null, channels: "grey", layout: "nchw", invert: false, scale: 1 / 255, mean: [], std: [], elementType: "float32" },
};

/** A ready model version that answers two classes. */
export const net: VersionView = {
  id: "ver_1", modelId: "mdl_1", modelName: "net", number: 1, state: "ready", rejectCode: null, rejectReason: null, source: "upload", parentId: null, importJobId: null, sizeBytes: 1, notes: "",
  createdAt: "2026-11-28T12:00:00.000Z", createdByName: "Olga", decidedAt: null, files: [], aliases: [],
  inspection: {
    irVersion: 9, producer: "", opsets: [], inputs: [], outputs: [{ name: "y", elementType: "float32", shape: ["batch", 2] }], operators: [], nodeCount: 1, parameterCount: 1, macs: 1, initializerBytes: 1, peakMemoryBytes: 1, loadMs: 1, firstRunMs: 1,
    latencyMs: { p50: 1, p90: 1, p95: 1, p99: 1, min: 1, max: 1, mean: 1, n: 1, method: "" }, layers: [], measuredOn: { cpu: "", arch: "", isa: [], ortVersion: "", threads: 1 },
  },
  optimizationId: null, trainingId: null, variantKind: null, variantLabel: null, recipeSha256: null, offered: true, notOfferedReason: null,
  preprocessing: { kind: "image", resize: null, centreCrop: null, channels: "grey", layout: "nchw", invert: false, scale: 1 / 255, mean: [], std: [], elementType: "float32" },
};
