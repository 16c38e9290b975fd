import { testDb, withTx, type TestDb, type Tx } from "@flotilla/db";
import type { BuildManifest } from "@flotilla/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../id.ts";
import { getJob } from "../jobs/index.ts";
import { createModel, createVersion, markVersionReady, versionUse, type VersionInspection } from "../models/index.ts";
import { createBuild, failBuild, finishBuild, getBuild, listBuilds, type NewBuild } from "./index.ts";

let database: TestDb;
let ready: string;
let other: string;
let validating: string;
const olga = { kind: "user", id: "usr_olga", name: "Olga", role: "operator" } as const;
const tx = <T>(fn: (tx: Tx) => Promise<T>): Promise<T> => withTx(database.db, fn);

beforeAll(async () => {
  database = await testDb();
  [ready, other, validating] = [await newVersion(), await newVersion(), await newVersion()];
  for (const id of [ready, other]) await tx((t) => markVersionReady(t, id, {} as VersionInspection));
});
afterAll(() => database.drop());

async function newVersion(): Promise<string> {
  const id = newId("upl");
  await database.db.prisma.upload.create({
    data: { id, filename: "m.onnx", sizeBytes: 7n, sha256: "a".repeat(64), partSizeBytes: 8, state: "complete", createdById: olga.id, expiresAt: new Date() },
  });
  return tx(async (t) => (await createVersion(t, olga, { modelId: (await createModel(t, olga, { name: id })).id, files: [{ uploadId: id }] })).id);
}

const create = (build: Partial<NewBuild>) => tx((t) => createBuild(t, olga, { name: newId("bld"), variants: [{ versionId: ready }], ...build }));
const manifest = (sha256: string): BuildManifest => ({ variants: [{ golden: { sha256, sizeBytes: 5 } }] }) as unknown as BuildManifest;

test("a build waits for its job, in the person's order of variants, with settings filled in", async () => {
  const build = await create({ name: "spring", variants: [{ versionId: other, classes: ["pi4", "pi4", "pi5"] }, { versionId: ready }], settings: { intraOpThreads: 2 } });
  expect(build).toMatchObject({
    state: "pending",
    settings: { intraOpThreads: 2, executionProviders: ["cpu"] },
    variants: [{ versionId: other, classes: ["pi4", "pi5"], sizeBytes: 7 }, { versionId: ready, classes: [] }],
    runningDevices: 0,
    rollouts: [],
  });
  expect(await tx((t) => getJob(t, olga, build.jobId ?? ""))).toMatchObject({ kind: "build", state: "queued", subjectName: "spring" });
  expect(await tx((t) => versionUse(t, olga, other))).toMatchObject({ builds: [{ name: "spring" }] });
});

test("a build is made of ready versions, each once, and of sound settings", async () => {
  await expect(create({ variants: [] })).rejects.toMatchObject({ code: "bad_request" });
  await expect(create({ variants: [{ versionId: validating }] })).rejects.toMatchObject({ code: "version_not_ready" });
  await expect(create({ variants: [{ versionId: "ver_none" }] })).rejects.toMatchObject({ code: "not_found" });
  await expect(create({ variants: [{ versionId: ready }, { versionId: ready }] })).rejects.toMatchObject({ code: "bad_request" });
  await expect(create({ variants: [{ versionId: ready, classes: ["no spaces please"] }] })).rejects.toMatchObject({ code: "bad_request" });
  await expect(create({ settings: { intraOpThreads: 0 } })).rejects.toMatchObject({ code: "bad_request" });
  await expect(create({ settings: { executionProviders: ["warp"] } })).rejects.toMatchObject({ code: "bad_request" });
});

test("a name is taken once, also by two at the same time", async () => {
  const results = await Promise.allSettled([create({ name: "same" }), create({ name: "same" })]);
  expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
  expect(results.find((result) => result.status === "rejected")?.reason).toMatchObject({ code: "name_taken" });
});

test("a build is finished once; its bytes are known as artifacts; what comes second changes nothing", async () => {
  const { id } = await create({});
  const sha256 = "b".repeat(64);
  expect(await tx((t) => finishBuild(t, id, { manifest: manifest("c".repeat(64)), sha256, sizeBytes: 3 }))).toBe(true);
  expect(await tx((t) => finishBuild(t, id, { manifest: manifest("d".repeat(64)), sha256: "e".repeat(64), sizeBytes: 4 }))).toBe(false);
  expect(await tx((t) => failBuild(t, id, "too late"))).toBe(false);
  expect(await tx((t) => getBuild(t, olga, id))).toMatchObject({ state: "ready", manifestSha256: sha256, failure: null });
  expect(await database.db.prisma.artifact.count({ where: { sha256: { in: [sha256, "c".repeat(64)] } } })).toBe(2);
});

test("builds are listed newest first and by state", async () => {
  const { id } = await create({});
  await tx((t) => failBuild(t, id, "no"));
  expect((await tx((t) => listBuilds(t, olga, { limit: 1 }))).items.map((build) => build.id)).toEqual([id]);
  expect((await tx((t) => listBuilds(t, olga, { state: "failed" }))).items).toMatchObject([{ id, failure: "no" }]);
});
