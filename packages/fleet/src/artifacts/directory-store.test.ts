import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FleetError } from "@flotilla/protocol";
import { directoryStore } from "./directory-store.ts";
import type { ArtifactStore } from "./artifact-store.ts";

let root: string;
let store: ArtifactStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "flotilla-store-"));
  store = directoryStore(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const PART = 1000;
const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const refOf = (bytes: Uint8Array) => ({ sha256: sha256Of(bytes), sizeBytes: bytes.length });
const stage = (id: string, bytes: Uint8Array, n: number) => {
  const part = bytes.subarray((n - 1) * PART, n * PART);
  return store.stagePart(id, { offset: (n - 1) * PART, sizeBytes: part.length }, Readable.from([part.subarray(0, 7), part.subarray(7)]));
};
const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => "done", (error: unknown) => (error instanceof FleetError ? error.code : String(error)));

test("parts in any order, some of them twice, make the announced file", async () => {
  const bytes = randomBytes(3 * PART + 123);
  await Promise.all([4, 2, 1, 3, 2].map((n) => stage("upl_a", bytes, n)));
  await store.commit("upl_a", refOf(bytes));
  expect(await buffer(await store.open(sha256Of(bytes)))).toEqual(bytes);
  expect(await store.sizeOf(sha256Of(bytes))).toBe(bytes.length);
  expect(await readdir(join(root, "staging"))).toEqual([]);
});

test("a part that is too short or too long is refused and does not spoil its neighbours", async () => {
  const bytes = randomBytes(2 * PART);
  await stage("upl_a", bytes, 1);
  await stage("upl_a", bytes, 2);
  const place = { offset: 0, sizeBytes: PART };
  expect(await codeOf(store.stagePart("upl_a", place, Readable.from([bytes.subarray(0, PART), bytes.subarray(0, 1)])))).toBe("part_invalid");
  expect(await codeOf(store.stagePart("upl_a", place, Readable.from([bytes.subarray(0, 10)])))).toBe("part_invalid");
  await stage("upl_a", bytes, 1);
  await store.commit("upl_a", refOf(bytes));
  expect(await buffer(await store.open(sha256Of(bytes)))).toEqual(bytes);
});

test("bytes that are not the announced ones never get a name in the store", async () => {
  const bytes = randomBytes(PART);
  await stage("upl_a", bytes, 1);
  const wrong = { sha256: sha256Of(randomBytes(8)), sizeBytes: PART };
  expect(await codeOf(store.commit("upl_a", wrong))).toBe("upload_mismatch");
  expect(await codeOf(store.commit("upl_a", { ...refOf(bytes), sizeBytes: PART + 1 }))).toBe("upload_mismatch");
  expect(await store.has(wrong.sha256)).toBe(false);
  await store.discard("upl_a");
  expect(await readdir(join(root, "staging"))).toEqual([]);
});

test("a commit that is repeated after its answer was lost succeeds again", async () => {
  const bytes = randomBytes(PART);
  await stage("upl_a", bytes, 1);
  await store.commit("upl_a", refOf(bytes));
  await store.commit("upl_a", refOf(bytes));
  await stage("upl_b", bytes, 1);
  await store.commit("upl_b", refOf(bytes));
  expect(await buffer(await store.open(sha256Of(bytes)))).toEqual(bytes);
});

test("a commit waits for parts that are still being written, so no writer is left on a published file", async () => {
  const bytes = randomBytes(PART);
  const half = Promise.withResolvers<void>();
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 500);
    await half.promise;
    yield bytes.subarray(500);
  }
  const writing = store.stagePart("upl_a", { offset: 0, sizeBytes: PART }, slow());
  const order: string[] = [];
  const committing = store.commit("upl_a", refOf(bytes)).then(() => order.push("committed"));
  void writing.then(() => order.push("written"));
  half.resolve();
  await Promise.all([writing, committing]);
  expect(order).toEqual(["written", "committed"]);
});

test("put takes bytes and files, and reading a range gives exactly its bytes", async () => {
  const bytes = randomBytes(5000);
  const file = join(root, "some-file");
  await writeFile(file, bytes);
  expect(await store.put({ file })).toEqual(refOf(bytes));
  expect(await store.put(bytes)).toEqual(refOf(bytes));
  expect(await readFile(store.pathOf(sha256Of(bytes)))).toEqual(bytes);
  expect(await buffer(await store.open(sha256Of(bytes), { start: 10, end: 19 }))).toEqual(bytes.subarray(10, 20));
  expect(await codeOf(store.open("0".repeat(64)))).toBe("not_found");
});

test("what a crash left in staging is swept, what is being written is not, and artifacts are never touched", async () => {
  expect(await store.sweep(Date.now())).toBe(0);
  const bytes = randomBytes(PART);
  await store.put(bytes);
  await stage("upl_old", bytes, 1);
  await stage("upl_new", bytes, 1);
  await utimes(join(root, "staging", "upl_old"), 1000, 1000);
  expect(await store.sweep(Date.now() - 3_600_000)).toBe(1);
  expect(await readdir(join(root, "staging"))).toEqual(["upl_new"]);
  expect(await store.has(sha256Of(bytes))).toBe(true);
});

test("no name can lead out of the store", async () => {
  for (const name of ["../../etc/passwd", `${"a".repeat(62)}/.`, "A".repeat(64), ""]) expect(() => store.pathOf(name)).toThrow(FleetError);
  for (const id of ["../x", "upl_../x", "", "upl_A"]) expect(await codeOf(store.discard(id)), id).toBe("bad_request");
});
