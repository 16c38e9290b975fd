import { testDb, withTx, type TestDb, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as builds from "../builds/index.ts";
import * as datasets from "../datasets/index.ts";
import * as jobs from "../jobs/index.ts";
import * as models from "../models/index.ts";
import * as numbers from "../numbers/index.ts";
import * as optimizations from "../optimizations/index.ts";
import * as runners from "../runners/index.ts";
import * as trainings from "../trainings/index.ts";
import { areas, type Area, type Principal, type Role } from "../principal.ts";
import * as access from "./index.ts";

// Who may call what, written a second time on purpose. A new export must be put into one of the two tables below, or
// the last test fails.

type Call = (tx: Tx, principal: Principal) => Promise<unknown>;
const page = { limit: 1 };
const none = "none_0";

const guarded: Record<string, { area: Area; role: Role; call: Call }> = {
  invitePerson: { area: "access", role: "admin", call: (tx, p) => access.invitePerson(tx, p, { name: "", email: "", role: "viewer", passwordHash: "" }) },
  setRole: { area: "access", role: "admin", call: (tx, p) => access.setRole(tx, p, { userId: none, role: "viewer" }) },
  disablePerson: { area: "access", role: "admin", call: (tx, p) => access.disablePerson(tx, p, { userId: none }) },
  enablePerson: { area: "access", role: "admin", call: (tx, p) => access.enablePerson(tx, p, { userId: none }) },
  createSignInLink: { area: "access", role: "admin", call: (tx, p) => access.createSignInLink(tx, p, { purpose: "sign_in", userId: none, ttlMs: 1 }) },
  createApiKey: { area: "access", role: "admin", call: (tx, p) => access.createApiKey(tx, p, { name: "", role: "viewer", scopes: ["access"] }) },
  revokeApiKey: { area: "access", role: "admin", call: (tx, p) => access.revokeApiKey(tx, p, { id: none }) },
  listPeople: { area: "access", role: "viewer", call: (tx, p) => access.listPeople(tx, p, page) },
  listApiKeys: { area: "access", role: "viewer", call: (tx, p) => access.listApiKeys(tx, p, page) },
  listAudit: { area: "audit", role: "viewer", call: (tx, p) => access.listAudit(tx, p, page) },
  createEnrollmentToken: { area: "devices", role: "operator", call: (tx, p) => access.createEnrollmentToken(tx, p, { maxUses: 0 }) },
  revokeEnrollmentToken: { area: "devices", role: "operator", call: (tx, p) => access.revokeEnrollmentToken(tx, p, { id: none }) },
  listEnrollmentTokens: { area: "devices", role: "viewer", call: (tx, p) => access.listEnrollmentTokens(tx, p, page) },
  createModel: { area: "models", role: "operator", call: (tx, p) => models.createModel(tx, p, { name: "" }) },
  createVersion: { area: "models", role: "operator", call: (tx, p) => models.createVersion(tx, p, { modelId: none, files: [] }) },
  retryImport: { area: "models", role: "operator", call: (tx, p) => models.retryImport(tx, p, { versionId: none }) },
  setAlias: { area: "models", role: "operator", call: (tx, p) => models.setAlias(tx, p, { modelId: none, alias: "a", versionId: none }) },
  removeAlias: { area: "models", role: "operator", call: (tx, p) => models.removeAlias(tx, p, { modelId: none, alias: "a" }) },
  getModel: { area: "models", role: "viewer", call: (tx, p) => models.getModel(tx, p, none) },
  listModels: { area: "models", role: "viewer", call: (tx, p) => models.listModels(tx, p, page) },
  getVersion: { area: "models", role: "viewer", call: (tx, p) => models.getVersion(tx, p, none) },
  listVersions: { area: "models", role: "viewer", call: (tx, p) => models.listVersions(tx, p, { modelId: none }) },
  versionUse: { area: "models", role: "viewer", call: (tx, p) => models.versionUse(tx, p, none) },
  getGraph: { area: "models", role: "viewer", call: (tx, p) => models.getGraph(tx, p, none) },
  getPreprocessing: { area: "models", role: "viewer", call: (tx, p) => models.getPreprocessing(tx, p, none) },
  setPreprocessing: { area: "models", role: "operator", call: (tx, p) => models.setPreprocessing(tx, p, { versionId: none, preprocessing: null }) },
  createDataset: { area: "models", role: "operator", call: (tx, p) => datasets.createDataset(tx, p, { name: "" }) },
  getDataset: { area: "models", role: "viewer", call: (tx, p) => datasets.getDataset(tx, p, none) },
  listDatasets: { area: "models", role: "viewer", call: (tx, p) => datasets.listDatasets(tx, p, page) },
  createDatasetVersion: { area: "models", role: "operator", call: (tx, p) => datasets.createDatasetVersion(tx, p, { datasetId: none, files: [] }) },
  retryDatasetImport: { area: "models", role: "operator", call: (tx, p) => datasets.retryDatasetImport(tx, p, { id: none }) },
  getDatasetVersion: { area: "models", role: "viewer", call: (tx, p) => datasets.getDatasetVersion(tx, p, none) },
  getNumberedDatasetVersion: { area: "models", role: "viewer", call: (tx, p) => datasets.getNumberedDatasetVersion(tx, p, { datasetId: none, number: 1 }) },
  listDatasetVersions: { area: "models", role: "viewer", call: (tx, p) => datasets.listDatasetVersions(tx, p, { datasetId: none }) },
  getOptimization: { area: "models", role: "viewer", call: (tx, p) => optimizations.getOptimization(tx, p, none) },
  listOptimizations: { area: "models", role: "viewer", call: (tx, p) => optimizations.listOptimizations(tx, p, page) },
  createTraining: { area: "jobs", role: "operator", call: (tx, p) => trainings.createTraining(tx, p, { datasetVersionId: none }) },
  stopTraining: { area: "jobs", role: "operator", call: (tx, p) => trainings.stopTraining(tx, p, { id: none }) },
  claimForRunner: { area: "runner", role: "operator", call: (tx, p) => runners.claimForRunner(tx, p, { runner: "bench" }) },
  reportFromRunner: { area: "runner", role: "operator", call: (tx, p) => runners.reportFromRunner(tx, p, { jobId: none, leaseToken: none, report: {} }) },
  startRunnerUpload: { area: "runner", role: "operator", call: (tx, p) => runners.startRunnerUpload(tx, p, { jobId: none, leaseToken: none, filename: "m", sizeBytes: 1, sha256: "" }) },
  completeRunnerUpload: { area: "runner", role: "operator", call: (tx, p) => runners.completeRunnerUpload(tx, p, { jobId: none, leaseToken: none, uploadId: none }) },
  deliverFromRunner: { area: "runner", role: "operator", call: (tx, p) => runners.deliverFromRunner(tx, p, { jobId: none, leaseToken: none, end: { kind: "failed", cause: "" } }) },
  getTraining: { area: "models", role: "viewer", call: (tx, p) => trainings.getTraining(tx, p, none) },
  listTrainings: { area: "models", role: "viewer", call: (tx, p) => trainings.listTrainings(tx, p, page) },
  fittingTemplates: { area: "models", role: "viewer", call: (tx, p) => trainings.fittingTemplates(tx, p, none) },
  variantTree: { area: "models", role: "viewer", call: (tx, p) => optimizations.variantTree(tx, p, none) },
  versionReport: { area: "models", role: "viewer", call: (tx, p) => numbers.versionReport(tx, p, none) },
  compareVersions: { area: "models", role: "viewer", call: (tx, p) => numbers.compareVersions(tx, p, { versionIds: [none] }) },
  createJob: { area: "jobs", role: "operator", call: (tx, p) => jobs.createJob(tx, p, { kind: "benchmark", payload: { versionId: none } }) },
  cancelJob: { area: "jobs", role: "operator", call: (tx, p) => jobs.cancelJob(tx, p, { id: none }) },
  retryJob: { area: "jobs", role: "operator", call: (tx, p) => jobs.retryJob(tx, p, { id: none }) },
  getJob: { area: "jobs", role: "viewer", call: (tx, p) => jobs.getJob(tx, p, none) },
  listJobs: { area: "jobs", role: "viewer", call: (tx, p) => jobs.listJobs(tx, p, page) },
  jobLogs: { area: "jobs", role: "viewer", call: (tx, p) => jobs.jobLogs(tx, p, { jobId: none }) },
  jobMetrics: { area: "jobs", role: "viewer", call: (tx, p) => jobs.jobMetrics(tx, p, { jobId: none }) },
  createBuild: { area: "builds", role: "operator", call: (tx, p) => builds.createBuild(tx, p, { name: "", variants: [] }) },
  getBuild: { area: "builds", role: "viewer", call: (tx, p) => builds.getBuild(tx, p, none) },
  listBuilds: { area: "builds", role: "viewer", call: (tx, p) => builds.listBuilds(tx, p, page) },
};

/** Functions that no person's role decides about, with the reason. */
const unguarded: Record<string, string> = {
  createFirstAdmin: "only the platform may call it, see its own test",
  countUsers: "says whether there is anybody, before anybody can be",
  redeemSignInLink: "the token decides",
  principalOfUser: "makes principals",
  principalOfApiKey: "makes principals",
  usableTokens: "the token decides",
  takeTokenUses: "the token decides",
  actorNames: "part of other reads",
  recordAudit: "part of other changes",
  recordAudits: "part of other changes",
  beginIdempotent: "works on the caller's own keys",
  finishIdempotent: "works on the caller's own keys",
  pruneIdempotency: "maintenance",
  countAttempt: "counts before anybody is known",
  clearAttempts: "counts before anybody is known",
  pruneAttempts: "maintenance",
  hashPassword: "no data",
  verifyPassword: "no data",
  safeFileName: "no data",
  isJobKind: "no data",
  parseJobPayload: "no data",
  techniqueLabel: "no data",
  pairedDifference: "no data",
  shareOf: "no data",
  keepEvaluation: "worker, under a job's lease",
  keepMeasurement: "worker, under a job's lease",
  keepGraph: "worker, under a job's lease",
  jobSteps: "worker, under a job's lease",
  keepJobStep: "worker, under a job's lease",
  markDatasetReady: "worker, under a job's lease",
  markDatasetRejected: "worker, under a job's lease",
  finishOptimization: "worker, under a job's lease",
  finishTraining: "worker, under a job's lease",
  trainingOf: "worker, which has its job",
  noteTrainingProgress: "worker, which has its job",
  isStopRequested: "worker, which has its job",
  markVersionReady: "worker, under a job's lease",
  markVersionRejected: "worker, under a job's lease",
  finishBuild: "worker, under a job's lease",
  failBuild: "worker, under a job's lease",
  claimJob: "worker",
  heartbeatJob: "worker, under a job's lease",
  finishJob: "worker, under a job's lease",
  cancelRequests: "worker",
  reapJobs: "maintenance",
  runningLeases: "maintenance",
  jobNumbers: "counts for the worker's metrics, which its operators alone reach",
};

let database: TestDb;
beforeAll(async () => {
  database = await testDb();
});
afterAll(() => database.drop());

const rank: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

/** Whether the call got past the question who is asking. What it then thinks of its input does not matter here. */
async function isLetIn(call: Call, principal: Principal): Promise<boolean> {
  try {
    await withTx(database.db, (tx) => call(tx, principal));
    return true;
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    return error.code !== "forbidden";
  }
}

describe.each(Object.entries(guarded))("%s", (_name, { area, role, call }) => {
  test.each(["viewer", "operator", "admin"] as const)(`is decided by the role: %s`, async (held) => {
    expect(await isLetIn(call, { kind: "user", id: "usr_1", name: "U", role: held })).toBe(rank[held] >= rank[role]);
    expect(await isLetIn(call, { kind: "api_key", id: "key_1", name: "K", role: held, scopes: [] })).toBe(rank[held] >= rank[role]);
  });

  test("is closed to keys that are scoped to everything else, and open to one scoped to its area", async () => {
    const key = { kind: "api_key", id: "key_1", name: "K", role: "admin" } as const;
    expect(await isLetIn(call, { ...key, scopes: areas.filter((other) => other !== area) })).toBe(false);
    expect(await isLetIn(call, { ...key, scopes: [area] })).toBe(true);
  });
});

test("only the platform makes the first admin", async () => {
  const call: Call = (tx, p) => access.createFirstAdmin(tx, p, { name: "", email: "", passwordHash: "" });
  expect(await isLetIn(call, { kind: "user", id: "usr_1", name: "U", role: "admin" })).toBe(false);
  expect(await isLetIn(call, { kind: "system", id: "web", name: "web" })).toBe(true);
});

test("every exported function stands in one of the tables", () => {
  const exported = Object.entries({ ...access, ...models, ...datasets, ...optimizations, ...trainings, ...runners, ...numbers, ...jobs, ...builds }).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
  expect(exported.toSorted()).toEqual([...Object.keys(guarded), ...Object.keys(unguarded)].toSorted());
});
