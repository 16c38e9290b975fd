import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  LEASE_MS, createDataset, createDatasetVersion, createModel, createVersion, getDatasetVersion, getJob, getVersion, markVersionReady, newId, setPreprocessing,
  systemPrincipal, type DatasetOptionsInput, type DatasetVersionView, type JobView, type VersionInspection, type VersionView,
} from "@flotilla/fleet";
import { pino } from "pino";
import { compose } from "../composition.ts";
import { handlers } from "../handlers/handlers.ts";
import type { Ports, Tx } from "../ports.ts";
import { runJob, type RunningJobs } from "../run-job.ts";

/** A person who may do everything a test needs. */
export const operator = { kind: "user", id: "usr_test", name: "Olga", role: "operator" } as const;
const system = systemPrincipal("test");

/** Enough for numbers of every kind; tests do not ask how exact they are. */
export const MEASURE_BUDGET_MS = 500;

/** What an import would say of a version that nobody measured. */
const unmeasured: VersionInspection = {
  irVersion: 10, producer: "test", opsets: [{ domain: "", version: 17 }], inputs: [], outputs: [], operators: [], nodeCount: 0, parameterCount: 0, macs: null, initializerBytes: 0,
  peakMemoryBytes: 1, loadMs: 1, firstRunMs: 1, latencyMs: { p50: 1, p90: 1, p95: 1, p99: 1, min: 1, max: 1, mean: 1, n: 1, method: "not measured" }, layers: [],
  measuredOn: { cpu: "test", arch: "x64", isa: [], ortVersion: "0", threads: 1 },
};

export type NewFile = { name: string; bytes: Uint8Array };

/** One worker without loops, on a database and a store of its own: jobs run when the test says so. */
export type WorkerFixture = {
  ports: Ports;
  storeRoot: string;
  running: RunningJobs;
  transact<T>(fn: (tx: Tx) => Promise<T>): Promise<T>;
  /** Puts files into the store as finished uploads. */
  upload(files: readonly NewFile[]): Promise<{ uploadId: string }[]>;
  /** A version of a model of its own, whose import job waits. */
  newVersion(files: readonly NewFile[]): Promise<VersionView>;
  /** A version of a dataset of its own, whose import job waits. */
  newDataset(files: readonly NewFile[], options?: DatasetOptionsInput): Promise<DatasetVersionView>;
  /** A version that counts as imported and knows its preprocessing, without the seconds that measuring takes. */
  acceptedVersion(bytes: Uint8Array, preprocessing: object): Promise<VersionView>;
  run(jobId: string): Promise<JobView>;
  dataset(id: string): Promise<DatasetVersionView>;
  version(id: string): Promise<VersionView>;
  /** Names of what is left of work in progress: nothing, when all went well. */
  leftovers(): Promise<string[]>;
  close(): Promise<void>;
};

export async function openWorkerFixture(url: string): Promise<WorkerFixture> {
  const storeRoot = await mkdtemp(join(tmpdir(), "flotilla-worker-test-"));
  const { db, ports } = compose({ DATABASE_URL: url, ARTIFACT_STORE: storeRoot, WORKER_CONCURRENCY: 2, JOB_LEASE_MS: LEASE_MS, MEASURE_BUDGET_MS }, pino({ level: "silent" }));
  const running: RunningJobs = new Map();
  const upload = async (files: readonly NewFile[]): Promise<{ uploadId: string }[]> => {
    const uploads: { uploadId: string }[] = [];
    for (const { name, bytes } of files) uploads.push({ uploadId: await finishedUpload(ports, name, bytes) });
    return uploads;
  };
  const newVersion = async (files: readonly NewFile[]): Promise<VersionView> => {
    const uploads = await upload(files);
    return ports.transact(async (tx) => {
      const model = await createModel(tx, operator, { name: `model ${newId("mdl")}` });
      return createVersion(tx, operator, { modelId: model.id, files: uploads });
    });
  };
  return {
    ports,
    storeRoot,
    running,
    transact: (fn) => ports.transact(fn),
    upload,
    newVersion,
    async acceptedVersion(bytes, preprocessing) {
      const version = await newVersion([{ name: "m.onnx", bytes }]);
      return ports.transact(async (tx) => {
        await markVersionReady(tx, version.id, unmeasured);
        await setPreprocessing(tx, operator, { versionId: version.id, preprocessing });
        return getVersion(tx, system, version.id);
      });
    },
    async newDataset(files, options) {
      const uploads = await upload(files);
      return ports.transact(async (tx) => {
        const dataset = await createDataset(tx, operator, { name: `dataset ${newId("dst")}` });
        return createDatasetVersion(tx, operator, { datasetId: dataset.id, files: uploads, options });
      });
    },
    dataset: (id) => ports.transact((tx) => getDatasetVersion(tx, system, id)),
    async run(jobId) {
      await runJob(ports, handlers, running, jobId);
      return ports.transact((tx) => getJob(tx, system, jobId));
    },
    version: (id) => ports.transact((tx) => getVersion(tx, system, id)),
    leftovers: async () => [...(await namesIn(ports.workRoot)), ...(await namesIn(join(storeRoot, "staging")))],
    async close() {
      await db.close();
      await rm(storeRoot, { recursive: true, force: true });
    },
  };
}

async function finishedUpload(ports: Ports, filename: string, bytes: Uint8Array): Promise<string> {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await ports.store.put(bytes);
  const id = newId("upl");
  await ports.transact(async (tx) => {
    await tx.artifact.createMany({ data: [{ sha256, sizeBytes: BigInt(bytes.length) }], skipDuplicates: true });
    await tx.upload.create({
      data: { id, filename, sizeBytes: BigInt(bytes.length), sha256, partSizeBytes: 8 * 1024 * 1024, state: "complete", createdById: operator.id, expiresAt: new Date(Date.now() + 60_000) },
    });
  });
  return id;
}

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}
