import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "@flotilla/fleet";
import { startTestWeb, type TestWeb } from "../testing/test-web.ts";

let web: TestWeb;
beforeAll(async () => {
  web = await startTestWeb();
});
afterAll(() => web.stop());

type Json = Record<string, unknown>;
const json = async (answer: Response): Promise<Json> => (await answer.json()) as Json;

async function finishedUpload(filename: string): Promise<string> {
  const id = newId("upl");
  await web.db.prisma.upload.create({
    data: { id, filename, sizeBytes: 10n, sha256: "a".repeat(64), partSizeBytes: 8, state: "complete", createdById: web.people.operator.id, expiresAt: new Date(Date.now() + 60_000) },
  });
  return id;
}

async function readyVersion(fields: { parentId?: string; preprocessing?: object; offered?: boolean } = {}): Promise<string> {
  const [modelId, id] = [newId("mdl"), newId("ver")];
  await web.db.prisma.model.create({ data: { id: modelId, name: modelId, createdById: web.people.operator.id } });
  await web.db.prisma.modelVersion.create({
    data: { id, modelId, number: 1, state: "ready", sizeBytes: 1_000n, createdById: web.people.operator.id, notOfferedReason: fields.offered === false ? "It is 1.8 × slower." : null, ...fields },
  });
  return id;
}

async function readyDataset(): Promise<string> {
  const [datasetId, id] = [newId("dst"), newId("dsv")];
  await web.db.prisma.dataset.create({ data: { id: datasetId, name: datasetId, createdById: web.people.operator.id } });
  await web.db.prisma.datasetVersion.create({ data: { id, datasetId, number: 1, state: "ready", options: {}, sizeBytes: 10n, createdById: web.people.operator.id } });
  return id;
}

test("a dataset gets versions of uploads, each with an import job and the options it can be made again with", async () => {
  const operator = web.as("operator");
  const dataset = await json(await operator("POST", "/datasets", { name: "digits" }));
  expect(dataset).toMatchObject({ name: "digits", versionCount: 0, newest: null });
  const made = await operator("POST", `/datasets/${String(dataset["id"])}/versions`, { uploadIds: [await finishedUpload("x.idx"), await finishedUpload("y.idx")], options: { seed: 7 } });
  expect(made.status).toBe(201);
  const version = await json(made);
  expect(version).toMatchObject({ number: 1, state: "importing", options: { format: "auto", seed: 7 }, sizeBytes: 20, summary: null, files: [{ name: "x.idx" }, { name: "y.idx" }] });
  expect(await json(await operator("GET", `/jobs/${String(version["importJobId"])}`))).toMatchObject({ kind: "import", state: "queued", subjectKind: "dataset_version", subjectName: "digits v1" });
  expect(await json(await operator("GET", `/datasets/${String(dataset["id"])}/versions/1`))).toMatchObject({ id: version["id"], preview: null });
  expect(await json(await operator("GET", "/datasets"))).toMatchObject({ items: expect.arrayContaining([expect.objectContaining({ name: "digits", newest: expect.objectContaining({ number: 1, state: "importing", kind: null }) })]) });
  const bad = await operator("POST", `/datasets/${String(dataset["id"])}/versions`, { uploadId: "upl_none", options: { fractions: { train: 1, calibration: 1, validation: 0, test: 0 } } });
  expect(await json(bad)).toMatchObject({ status: 400, detail: "options.fractions: the shares must add up to 1" });
});

test("cancelling the import of a dataset refuses its version, and looking again opens it again", async () => {
  const operator = web.as("operator");
  const dataset = await json(await operator("POST", "/datasets", { name: "cancelled" }));
  const version = await json(await operator("POST", `/datasets/${String(dataset["id"])}/versions`, { uploadId: await finishedUpload("a.zip") }));
  await operator("POST", `/jobs/${String(version["importJobId"])}/cancel`, {});
  const path = `/dataset-versions/${String(version["id"])}`;
  expect(await json(await operator("GET", path))).toMatchObject({ state: "rejected", rejectCode: "cancelled" });
  expect(await json(await operator("POST", `${path}/retry`, {}))).toMatchObject({ state: "importing", rejectCode: null });
  expect(await json(await operator("POST", `${path}/retry`, {}))).toMatchObject({ code: "illegal_transition" });
});

test("an optimization starts once what it needs is there, and each thing that is missing has a code of its own", async () => {
  const operator = web.as("operator");
  const datasetVersionId = await readyDataset();
  const bare = await readyVersion();
  expect(await json(await operator("POST", "/jobs", { kind: "optimize", versionId: bare, datasetVersionId, preset: "smallest" }))).toMatchObject({ code: "preprocessing_missing" });
  expect(await json(await operator("POST", "/jobs", { kind: "optimize", versionId: bare, preset: "smallest" }))).toMatchObject({ code: "bad_request", detail: expect.stringContaining("needs a dataset") as unknown });
  expect(await json(await operator("POST", "/jobs", { kind: "optimize", versionId: bare, datasetVersionId, preset: "none" }))).toMatchObject({ code: "bad_request" });
  const told = await operator("PUT", `/versions/${bare}/preprocessing`, { kind: "image", layout: "nchw", channels: "grey", scale: 0.5 });
  expect(await json(told)).toMatchObject({ preprocessing: { kind: "image", channels: "grey", scale: 0.5, mean: [], invert: false } });
  const job = await json(await operator("POST", "/jobs", { kind: "optimize", versionId: bare, datasetVersionId, preset: "smallest", goal: { maxAccuracyDropPoints: 0.2, objective: "size" } }));
  expect(job).toMatchObject({ kind: "optimize", state: "queued", subjectKind: "optimization" });
  const optimization = await json(await operator("GET", `/optimizations/${String(job["subjectId"])}`));
  expect(optimization).toMatchObject({ state: "pending", versionId: bare, jobId: job["id"], goal: { maxAccuracyDropPoints: 0.2 }, recipe: { preset: "smallest" }, results: [] });
  await operator("POST", `/jobs/${String(job["id"])}/cancel`, {});
  expect(await json(await operator("GET", `/optimizations?versionId=${bare}`))).toMatchObject({ items: [{ state: "failed", failure: "Cancelled by Olga Operator." }] });
  expect(await json(await operator("POST", `/jobs/${String(job["id"])}/retry`, {}))).toMatchObject({ state: "queued" });
  expect(await json(await operator("GET", `/optimizations/${String(job["subjectId"])}`))).toMatchObject({ state: "pending", failure: null });
});

test("a variant that does not help cannot be built, and the answer says why", async () => {
  const refused = await readyVersion({ offered: false });
  const answer = await json(await web.as("operator")("POST", "/builds", { name: "slower", variants: [{ versionId: refused }] }));
  expect(answer).toMatchObject({ status: 409, code: "version_not_offered", detail: expect.stringContaining("1.8 × slower") as unknown });
});

test("a version without numbers has an empty report, a tree of itself and no graph, not an error", async () => {
  const viewer = web.as("viewer");
  const parent = await readyVersion();
  const child = await readyVersion({ parentId: parent });
  expect(await json(await viewer("GET", `/versions/${parent}/report`))).toMatchObject({ evaluations: [], measurements: [], variant: null, againstParent: [] });
  expect(await json(await viewer("GET", `/versions/${child}/variants`))).toMatchObject({ rootId: parent, items: [{ id: parent, parentId: null }, { id: child, parentId: parent }] });
  expect(await json(await viewer("GET", `/versions/${parent}/graph`))).toEqual({ graph: null });
  expect(await json(await viewer("GET", `/compare?versions=${parent},${child}`))).toMatchObject({
    baselineId: parent, accuracyOn: null, latencyOn: null, latencyWhyNot: expect.stringContaining("benchmark") as unknown,
    versions: [{ id: parent, delta: null, isOnFront: true }, { id: child, delta: { sizeRatio: 1, latencyRatio: null, accuracy: null } }],
  });
});
