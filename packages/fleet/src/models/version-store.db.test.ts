import { testDb, withTx, type TestDb, type Tx } from "@flotilla/db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../id.ts";
import { getJob, listJobs } from "../jobs/index.ts";
import { createModel, createVersion, getModel, getVersion, listModels, listVersions, markVersionReady, markVersionRejected, removeAlias, retryImport, setAlias, versionUse, type ModelView, type VersionInspection, type VersionView } from "./index.ts";

let database: TestDb;
beforeAll(async () => {
  database = await testDb();
});
afterAll(() => database.drop());

const olga = { kind: "user", id: "usr_olga", name: "Olga", role: "operator" } as const;
const tx = <T>(fn: (tx: Tx) => Promise<T>): Promise<T> => withTx(database.db, fn);

async function upload(filename: string, state: "open" | "complete" | "failed" | "expired" = "complete"): Promise<{ uploadId: string }> {
  const id = newId("upl");
  await database.db.prisma.upload.create({
    data: { id, filename, sizeBytes: 10n, sha256: "a".repeat(64), partSizeBytes: 8, state, failure: state === "failed" ? "the digest differs" : null, createdById: olga.id, expiresAt: new Date() },
  });
  return { uploadId: id };
}
const model = (name = `model ${newId("mdl")}`): Promise<ModelView> => tx((t) => createModel(t, olga, { name }));
async function version(modelId: string, filename = "m.onnx"): Promise<VersionView> {
  const files = [await upload(filename)];
  return tx((t) => createVersion(t, olga, { modelId, files }));
}
const inspection = { inputs: [], outputs: [] } as unknown as VersionInspection;

test("versions made at the same time get one number each, without gaps", async () => {
  const { id } = await model();
  const files = await Promise.all(Array.from({ length: 8 }, () => upload("m.onnx")));
  const made = await Promise.all(files.map((file) => tx((t) => createVersion(t, olga, { modelId: id, files: [file] }))));
  expect(made.map((one) => one.number).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(await tx((t) => getModel(t, olga, id))).toMatchObject({ versionCount: 8, newest: { number: 8, state: "validating" } });
});

test("a version that could not be made does not use up a number", async () => {
  const { id } = await model();
  const open = await upload("m.onnx", "open");
  await expect(tx((t) => createVersion(t, olga, { modelId: id, files: [open] }))).rejects.toMatchObject({ code: "upload_incomplete" });
  expect(await version(id)).toMatchObject({ number: 1 });
});

test("a version waits for its import job, which is in the queue with it", async () => {
  const { id } = await model("digit-reader");
  const made = await version(id, "digits.onnx");
  expect(made).toMatchObject({ state: "validating", modelName: "digit-reader", createdByName: "usr_olga", files: [{ name: "digits.onnx", role: "model", sizeBytes: 10 }] });
  expect(await tx((t) => getJob(t, olga, made.importJobId ?? ""))).toMatchObject({ kind: "import", state: "queued", subjectKind: "version", subjectId: made.id, subjectName: "digit-reader v1" });
});

test.each([
  ["open", "upload_incomplete"],
  ["failed", "upload_mismatch"],
  ["expired", "upload_expired"],
] as const)("an upload that is %s cannot become a version", async (state, code) => {
  const { id } = await model();
  const file = await upload("m.onnx", state);
  await expect(tx((t) => createVersion(t, olga, { modelId: id, files: [file] }))).rejects.toMatchObject({ code });
});

test("what is not there is not found, and an upload counts once", async () => {
  const { id } = await model();
  const file = await upload("m.onnx");
  const make = (modelId: string, files: { uploadId: string }[]) => tx((t) => createVersion(t, olga, { modelId, files }));
  await expect(make("mdl_none", [file])).rejects.toMatchObject({ code: "not_found" });
  await expect(make(id, [{ uploadId: "upl_none" }])).rejects.toMatchObject({ code: "not_found" });
  await expect(make(id, [file, file])).rejects.toMatchObject({ code: "bad_request" });
  await expect(make(id, [])).rejects.toMatchObject({ code: "bad_request" });
});

test("a model's name is taken once, also by two at the same time", async () => {
  const results = await Promise.allSettled([model("one name"), model(" one name ")]);
  expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
  expect(results.find((result) => result.status === "rejected")?.reason).toMatchObject({ code: "name_taken" });
});

test("a version is decided once: what comes second changes nothing", async () => {
  const { id } = await model();
  const made = await version(id);
  expect(await tx((t) => markVersionReady(t, made.id, inspection))).toBe(true);
  expect(await tx((t) => markVersionRejected(t, made.id, "late", "too late"))).toBe(false);
  expect(await tx((t) => markVersionReady(t, made.id, inspection))).toBe(false);
  expect(await tx((t) => getVersion(t, olga, made.id))).toMatchObject({ state: "ready", rejectCode: null });
});

test("a rejected version can be looked at again in a new job, a ready one cannot", async () => {
  const { id } = await model();
  const made = await version(id);
  await expect(tx((t) => retryImport(t, olga, { versionId: made.id }))).rejects.toMatchObject({ code: "illegal_transition" });
  await tx((t) => markVersionRejected(t, made.id, "too_slow", "it took too long"));
  const again = await tx((t) => retryImport(t, olga, { versionId: made.id, reason: "larger worker" }));
  expect(again).toMatchObject({ state: "validating", rejectCode: null, rejectReason: null, decidedAt: null });
  expect(again.importJobId).not.toBe(made.importJobId);
  await tx((t) => markVersionReady(t, made.id, inspection));
  await expect(tx((t) => retryImport(t, olga, { versionId: made.id }))).rejects.toMatchObject({ code: "illegal_transition" });
  const jobs = await tx((t) => listJobs(t, olga, { subjectId: made.id }));
  expect(jobs.items, "a refused retry leaves no job behind").toHaveLength(2);
});

test("an alias names a ready version of its own model, moves, and goes", async () => {
  const { id } = await model();
  const one = await version(id);
  const two = await version(id);
  const foreign = await version((await model()).id);
  for (const { id: versionId } of [one, two, foreign]) await tx((t) => markVersionReady(t, versionId, inspection));
  const set = (alias: string, versionId: string) => tx((t) => setAlias(t, olga, { modelId: id, alias, versionId }));
  await set("production", one.id);
  expect(await set("production", two.id)).toMatchObject({ aliases: [{ alias: "production", versionId: two.id, number: 2 }] });
  expect(await tx((t) => getVersion(t, olga, two.id))).toMatchObject({ aliases: ["production"] });
  await expect(set("production", foreign.id)).rejects.toMatchObject({ code: "not_found" });
  await expect(set("Not OK", one.id)).rejects.toMatchObject({ code: "bad_request" });
  const waiting = await version(id);
  await expect(set("next", waiting.id)).rejects.toMatchObject({ code: "version_not_ready" });
  expect(await tx((t) => removeAlias(t, olga, { modelId: id, alias: "production" }))).toMatchObject({ aliases: [] });
  await expect(tx((t) => removeAlias(t, olga, { modelId: id, alias: "production" }))).rejects.toMatchObject({ code: "not_found" });
});

test("use of a version counts devices that attest it, by class, and leaves revoked ones out", async () => {
  const { id } = await model();
  const made = await version(id);
  const device = async (name: string, className: string, state: "active" | "revoked", runs: boolean) => {
    await database.db.prisma.device.create({ data: { id: name, name, publicKey: "k", labels: {}, className, class: {}, state } });
    await database.db.prisma.deviceLive.create({ data: { deviceId: name, lastSeenAt: new Date(), bootId: "b", slots: [], resources: {}, runningVersionId: runs ? made.id : null } });
  };
  await device("d1", "pi4", "active", true);
  await device("d2", "pi4", "active", true);
  await device("d3", "jetson", "active", true);
  await device("d4", "pi4", "revoked", true);
  await device("d5", "pi4", "active", false);
  expect(await tx((t) => versionUse(t, olga, made.id))).toEqual({
    builds: [],
    devicesByClass: [
      { className: "pi4", devices: 2 },
      { className: "jetson", devices: 1 },
    ],
    runningDevices: 3,
  });
  expect(await tx((t) => getModel(t, olga, id))).toMatchObject({ runningDevices: 3 });
});

test("lists go newest first, page by page, and can be searched", async () => {
  const { id } = await model("needle in a name");
  for (let n = 0; n < 5; n += 1) await version(id);
  const first = await tx((t) => listVersions(t, olga, { modelId: id, limit: 3 }));
  const rest = await tx((t) => listVersions(t, olga, { modelId: id, limit: 3, cursor: first.nextCursor ?? "" }));
  expect([...first.items, ...rest.items].map((one) => one.number)).toEqual([5, 4, 3, 2, 1]);
  expect(rest.nextCursor).toBeNull();
  const found = await tx((t) => listModels(t, olga, { search: "NEEDLE" }));
  expect(found.items.map((one) => one.id)).toEqual([id]);
  await expect(tx((t) => listModels(t, olga, { limit: 201 }))).rejects.toMatchObject({ code: "bad_request" });
});
